package rig

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// NewNginx starts Debian's nginx before the replicas, with a configuration of its own in a temporary directory, and returns its base URL. It
// buffers answers and compresses them, as it does when nobody has thought of pages that wait. It ends with the test.
func NewNginx(t *testing.T, replicas []*Replica) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // not on everybody's path
	}
	dir, port := t.TempDir(), FreePort(t)
	var servers strings.Builder
	for _, r := range replicas {
		fmt.Fprintf(&servers, "server %s max_fails=1 fail_timeout=1s;", strings.TrimPrefix(r.URL, "http://"))
	}
	file := filepath.Join(dir, "nginx.conf")
	err = os.WriteFile(file, fmt.Appendf(nil, nginxConfig, dir, servers.String(), port), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (run: .ci/setup packages)", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // its end is waited for
		_ = cmd.Wait()
	})
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	Eventually(t, "nginx answers", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode < http.StatusInternalServerError
	})
	return base
}

const nginxConfig = `
daemon off; worker_processes 1; master_process off; pid %[1]s/nginx.pid;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  gzip on; gzip_proxied any; gzip_types text/event-stream text/html;
  upstream replicas { %[2]s }
  server {
    listen 127.0.0.1:%[3]d;
    location / {
      proxy_pass http://replicas;
      proxy_buffering on; proxy_buffers 8 64k; proxy_connect_timeout 1s; proxy_next_upstream error timeout;
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}
`
