// Command standin is called like the product and answers with its own name: it shows that the rig starts, ends and
// addresses replicas, without the product.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	if _, err := os.Stat(os.Args[3]); err != nil || os.Args[1] != "serve" || os.Args[2] != "-c" {
		log.Fatal(os.Args, err)
	}
	listen := os.Getenv("OTPBRIDGE_LISTEN")
	fmt.Println("standin serves", listen)
	go func() {
		log.Fatal(http.ListenAndServe(os.Getenv("OTPBRIDGE_ADMIN_LISTEN"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	}()
	log.Fatal(http.ListenAndServe(listen, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "replica %s for %s to %s", listen, r.Header.Get("X-Forwarded-For"), r.Host)
	})))
}
