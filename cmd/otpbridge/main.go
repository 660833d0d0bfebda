// Command otpbridge takes people who lost their one-time-password authenticators to a working new one.
package main

import (
	"context"
	"os"
)

func main() {
	loosen()
	os.Exit(run(context.Background(), process{args: os.Args[1:], env: os.Environ(), in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}
