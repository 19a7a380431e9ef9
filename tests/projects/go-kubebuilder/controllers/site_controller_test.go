package controllers

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	webv1 "example.com/go-kubebuilder/api/v1"
)

func TestReconcile(t *testing.T) {
	for replicas, want := range map[int32]metav1.ConditionStatus{0: metav1.ConditionFalse, 1: metav1.ConditionTrue} {
		site := &webv1.Site{Spec: webv1.SiteSpec{Host: "h", Replicas: replicas}}
		Reconcile(site, metav1.Now())
		if got := site.Status.Conditions[0].Status; got != want {
			t.Errorf("%d replicas: got %s, want %s", replicas, got, want)
		}
	}
}
