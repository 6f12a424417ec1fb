package sandbox

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// machines opens a Host for machines.
func machines(t *testing.T) *Host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("machines need root: namespaces, overlays, control groups")
	}
	h, err := Open(Config{Dir: t.TempDir(), Machines: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// script runs a shell script in a machine and returns what it prints.
func script(t *testing.T, h *Host, id, text string) string {
	t.Helper()
	var mu sync.Mutex
	var out strings.Builder
	s, err := h.Start(t.Context(), Spec{
		ID: id, Hostname: "ip-10-0-0-5", Argv: []string{"/var/lib/cloud/instance/user-data"}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"},
		Place:  map[string][]byte{"/var/lib/cloud/instance/user-data": []byte("#!/bin/sh\n" + text)},
		Limits: Limits{MemoryMiB: 512, CPU: 2, Pids: 100},
		Output: func(l Line) { mu.Lock(); defer mu.Unlock(); out.WriteString(l.Text + "\n") },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := s.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	return out.String()
}

// TestMachine installs files, becomes another user and listens below port 1024.
func TestMachine(t *testing.T) {
	h := machines(t)
	if machineSpan(readFile("/proc/self/uid_map")) == 1 {
		t.Skip("this process has one user ID only")
	}
	got := script(t, h, "i-1", `
id -u; hostname
echo hello >/usr/bin/greeting && cat /usr/bin/greeting
echo x:x:77:77::/:/bin/sh >>/etc/passwd && id -un 77
mkdir /var/lib/db && chown 77:77 /var/lib/db
setpriv --reuid 77 --regid 77 --clear-groups sh -c 'touch /var/lib/db/made && stat -c %u /var/lib/db/made; touch /usr/bin/not 2>/dev/null || echo refused'
python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1", 80)); print("bound")'
(sleep 0; true) &
wait; echo end`)
	want := "0\nip-10-0-0-5\nhello\nx\n77\nrefused\nbound\nend\n"
	if got != want {
		t.Errorf("the machine printed\n%s\nwant\n%s", got, want)
	}
	if _, err := os.Stat("/usr/bin/greeting"); err == nil {
		t.Error("a machine wrote to the host's /usr")
	}
	if got := script(t, h, "i-2", "ls /usr/bin/greeting /var/lib/db 2>&1 | grep -c 'No such file'"); got != "2\n" {
		t.Errorf("a second machine sees the first one's files: %s", got)
	}
}

// TestMachineIsolation tries as root of a machine what would reach the host.
func TestMachineIsolation(t *testing.T) {
	h := machines(t)
	for _, c := range []struct{ name, script string }{
		{"mount", "mount -t tmpfs none /mnt"},
		{"remount", "mount -o remount,rw /etc/ssl/certs"},
		{"device", "mknod /root/disk b 254 0 && cat /root/disk"},
		{"addresses", "ip link set lo down || ip link add x type dummy"},
		{"raw socket", "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'"},
		{"packet socket", "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)'"},
		{"namespace", "unshare -U true || unshare -n true"},
		{"kernel setting", "echo 1 >/proc/sys/kernel/panic"},
		{"network setting", "echo 1 >/proc/sys/net/ipv4/ip_forward"},
		{"sysrq", "echo h >/proc/sysrq-trigger && ! test -c /proc/sysrq-trigger"},
		{"interrupts", "for f in /proc/irq/*/smp_affinity; do echo 1 >$f && exit 0; done; exit 1"},
		{"kernel memory", "dd if=/proc/kcore bs=16 count=1 of=/tmp/x && test -s /tmp/x"},
		{"host processes", "test $(ls -d /proc/[0-9]* | wc -l) -gt 6"},
		{"root of pid 1", "ls /proc/1/root/ | grep -q ."},
		{"host name", "hostname other"},
		{"host files", "test -e /etc/shadow- || test -e /work || test -e /var/lib/dpkg || test -e /sys/kernel"},
		{"certificates", "echo x >/etc/ssl/certs/x"},
		{"priority", "nice -n -5 true 2>&1 | grep -q denied && exit 1; test $(nice -n -5 nice) = -5"},
		{"clock", "date -s 2001-01-01"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := script(t, h, "i-x", "if ( "+c.script+" ) >/dev/null 2>&1; then echo through; else echo refused; fi")
			if got != "refused\n" {
				t.Errorf("%s: %s", c.script, got)
			}
		})
	}
}
