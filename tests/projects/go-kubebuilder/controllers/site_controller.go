// Package controllers holds the reconcile step.
package controllers

import (
	"fmt"
	"runtime"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	webv1 "example.com/go-kubebuilder/api/v1"
)

// Reconcile judges the site's spec and records the outcome as its Ready condition.
func Reconcile(site *webv1.Site, now metav1.Time) {
	ready := metav1.Condition{
		Type:               "Ready",
		Status:             metav1.ConditionTrue,
		Reason:             "Served",
		Message:            fmt.Sprintf("%d replicas, reconciled on %s", site.Spec.Replicas, runtime.GOARCH),
		ObservedGeneration: site.Generation,
		LastTransitionTime: now,
	}
	if site.Spec.Replicas < 1 || site.Spec.Host == "" {
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, "BadSpec", "a host and a replica are needed"
	}
	site.Status.Conditions = []metav1.Condition{ready}
}
