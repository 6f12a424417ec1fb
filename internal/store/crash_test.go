package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/internal/bus"
	"weir/internal/cloud"
)

const crashDir = "WEIR_STORE_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled commits numbered transactions and prints the number of each
// that is acknowledged. Transaction n sets the row "last" and either 3 or 300
// "same" rows to n, adds row "n<n>" and deletes row "n<n-5>".
func writeUntilKilled(dir string) error {
	b, err := bus.Start(dir)
	if err != nil {
		return err
	}
	s, err := Open(context.Background(), b.JetStream(), tables)
	if err != nil {
		return err
	}
	n := 0
	if last, ok := s.View().Get("two-b", "last").(*thing); ok {
		n = last.Size
	}
	for {
		n++
		_, err := s.Update(context.Background(), func(tx cloud.Tx) error {
			put(tx, "two-b", thing{ID: "last", Size: n})
			rows := 3
			if n%4 == 0 || s.View().Get("one", "same299") != nil {
				rows = 300
			}
			if n%3 == 0 {
				rows = 0 // small ones too
			}
			for i := range rows {
				put(tx, "one", thing{ID: fmt.Sprintf("same%d", i), Group: "same", Size: n})
			}
			put(tx, "one", thing{ID: fmt.Sprintf("n%d", n), Group: "n", Size: n})
			tx.Delete("one", fmt.Sprintf("n%d", n-5))
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// Whatever the moment of a kill, all that was acknowledged is there and every
// transaction is there wholly or not at all.
func TestKill(t *testing.T) {
	dir, acked := t.TempDir(), 0
	for round := range 25 {
		acked = max(acked, runAndKill(t, dir, time.Duration(rand.IntN(60_000))*time.Microsecond))
		b, err := bus.Start(dir)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), b.JetStream(), tables)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		last := 0
		if r, ok := s.View().Get("two-b", "last").(*thing); ok {
			last = r.Size
		}
		if last != acked && last != acked+1 {
			t.Fatalf("round %d: transaction %d was acknowledged, the state shows %d", round, acked, last)
		}
		checkWhole(t, s.View(), last)
		acked = last
		b.Close()
	}
	t.Logf("%d transactions", acked)
	if acked < 25 {
		t.Errorf("only %d transactions: the kills came too early to mean anything", acked)
	}
}

// checkWhole checks the rows that transaction last, and those before, left.
func checkWhole(t *testing.T, v cloud.View, last int) {
	t.Helper()
	wide := last // the last transaction that set the "same" rows
	if wide%3 == 0 {
		wide--
	}
	for r := range v.Scan("one", "group", "same") {
		if got := r.(*thing); got.Size != wide {
			t.Fatalf("row %s is of transaction %d, want %d", got.ID, got.Size, wide)
		}
	}
	var want []string
	for n := max(1, last-4); n <= last; n++ {
		want = append(want, fmt.Sprintf("n%d", n))
	}
	got := strings.Fields(keys(v, "one", "group", "n"))
	if len(got) != len(want) {
		t.Fatalf("after transaction %d rows are %v, want %v", last, got, want)
	}
	for _, id := range want {
		if v.Get("one", id) == nil {
			t.Fatalf("after transaction %d row %s is missing", last, id)
		}
	}
}

// runAndKill runs a writer, kills it some time after it began to write, and
// returns the last transaction that it saw acknowledged.
func runAndKill(t *testing.T, dir string, after time.Duration) (acked int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if acked == 0 {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		if acked, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Wait() // killed
	if acked == 0 {
		t.Fatal("the writer died before its first transaction")
	}
	return acked
}
