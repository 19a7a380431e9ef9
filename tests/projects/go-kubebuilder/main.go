// Command manager is the skeleton of a Kubernetes operator: it knows its own type and one reconcile step.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"

	webv1 "example.com/go-kubebuilder/api/v1"
	"example.com/go-kubebuilder/controllers"
)

func main() {
	version := flag.Bool("version", false, "print what this binary was built for and exit")
	replicas := flag.Int("replicas", 2, "replicas that the sample object asks for")
	flag.Parse()

	if *version {
		fmt.Printf("manager %s/%s %s\n", runtime.GOOS, runtime.GOARCH, runtime.Version())
		return
	}
	if err := run(int32(*replicas)); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

// run reconciles one sample object, without a cluster, and prints it.
func run(replicas int32) error {
	scheme := k8sruntime.NewScheme()
	if err := webv1.AddToScheme(scheme); err != nil {
		return err
	}
	site := &webv1.Site{
		ObjectMeta: metav1.ObjectMeta{Name: "sample", Generation: 1},
		Spec:       webv1.SiteSpec{Host: "example.com", Replicas: replicas},
	}
	kinds, _, err := scheme.ObjectKinds(site)
	if err != nil {
		return err
	}
	site.SetGroupVersionKind(kinds[0])
	controllers.Reconcile(site, metav1.Now())
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(site)
}
