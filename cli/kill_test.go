package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// buildProgram builds the real program once per test that runs it.
func buildProgram(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "qif")
	out, err := exec.Command("go", "build", "-o", bin, "github.com/qif-snn/qif/cmd/qif").CombinedOutput()
	if err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	return bin
}

// shortRun are flags of a run of a few seconds that saves all the time.
var shortRun = []string{
	"train", "fashion-tiny", "--quiet", "--epochs", "4", "--limit", "600", "--batch", "20", "--steps", "3",
	"--dropout", ".1", "--learn", "a,u2", "--save-every", ".05",
}

func bytesOf(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sameEnd compares everything that two runs must share.
func sameEnd(t *testing.T, got, want string) {
	t.Helper()
	for _, name := range []string{"checkpoint.safetensors", "last.safetensors"} {
		if !bytes.Equal(bytesOf(t, got, name), bytesOf(t, want, name)) {
			t.Errorf("%s differs from that of the run never interrupted", name)
		}
	}
	epochs := func(dir string) string { // without times
		var s strings.Builder
		for line := range strings.Lines(string(bytesOf(t, dir, "metrics.jsonl"))) {
			head, _, _ := strings.Cut(line, `,"samples_per_second"`)
			s.WriteString(head + "\n")
		}
		return s.String()
	}
	if g, w := epochs(got), epochs(want); g != w {
		t.Errorf("metrics.jsonl differs:\n%s\nwant\n%s", g, w)
	}
	left, _ := filepath.Glob(filepath.Join(got, ".*[0-9]"))
	if len(left) > 0 {
		t.Errorf("temporary files were left: %v", left)
	}
}

// waitFor returns when a file exists.
func waitFor(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not appear within a minute", path)
		}
	}
}

// TestTwentyKills kills the real process at twenty random moments in a row and
// expects the end of the run never interrupted, byte for byte.
func TestTwentyKills(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program for half a minute")
	}
	bin := buildProgram(t)
	whole, killed := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	begin := time.Now()
	if out, err := exec.Command(bin, append(shortRun, "--out", whole)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	length := time.Since(begin)

	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	next := func(i int) *exec.Cmd {
		if _, err := os.Stat(filepath.Join(killed, "last.safetensors")); err != nil {
			return exec.Command(bin, append(shortRun, "--out", killed)...)
		}
		return exec.Command(bin, "train", "--quiet", "--resume", killed, "--threads", fmt.Sprint(1+i%3))
	}
	var starting time.Duration // what a process needs before it trains
	for i := range 20 {
		cmd := next(i)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		begin := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			waitFor(t, filepath.Join(killed, "last.safetensors"))
			starting = time.Since(begin)
		} else {
			time.Sleep(time.Duration(rng.Int64N(int64(starting + length/10))))
		}
		cmd.Process.Kill()
		var exit *exec.ExitError
		switch err := cmd.Wait(); {
		case err == nil: // it was at its end already: begin anew
			sameEnd(t, killed, whole)
			killed = filepath.Join(t.TempDir(), "killed")
		case !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL:
			t.Fatalf("kill %d: the process ended by itself: %v\n%s", i, err, out.Bytes())
		}
	}
	if out, err := next(1).CombinedOutput(); err != nil {
		t.Fatalf("the last resume: %v\n%s", err, out)
	}
	sameEnd(t, killed, whole)
}

// TestInterrupt sends Ctrl-C to the real process and expects a saved run, word
// of how to resume it, and the same end.
func TestInterrupt(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program for some seconds")
	}
	bin := buildProgram(t)
	whole, stopped := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "stopped")
	if out, err := exec.Command(bin, append(shortRun, "--out", whole)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(bin, append(shortRun, "--save-every", "0", "--out", stopped)...)
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, filepath.Join(stopped, "last.safetensors"))
	cmd.Process.Signal(os.Interrupt)
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Fatalf("after Ctrl-C: %v, want exit status 130\n%s", err, out.Bytes())
	}
	if !strings.Contains(out.String(), "qif train --resume "+stopped) {
		t.Errorf("after Ctrl-C the program said %q, not how to resume", out.String())
	}
	if out, err := exec.Command(bin, "train", "--quiet", "--resume", stopped).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sameEnd(t, stopped, whole)
}
