//go:build unix

package helper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary is also the program under test: with this variable it plays a part instead of running tests.
const partVar = "HELPER_TEST_PART"

func TestMain(m *testing.M) {
	if part := os.Getenv(partVar); part != "" {
		play(part)
	}
	goleak.VerifyTestMain(m)
}

func play(part string) {
	switch part {
	case "cat":
		_, _ = io.Copy(os.Stdout, os.Stdin)
	case "args":
		fmt.Print(strings.Join(os.Args[1:], "|"))
	case "fail":
		fmt.Fprintln(os.Stderr, "no such\n voice")
		os.Exit(3)
	case "flood":
		for {
			_, _ = os.Stdout.Write(make([]byte, 4096))
		}
	case "sleep":
		time.Sleep(time.Minute)
	case "parent": // leaves a child behind that holds our pipes
		p, err := os.StartProcess(os.Args[0], os.Args[:1], &os.ProcAttr{
			Env: []string{partVar + "=sleep"}, Files: []*os.File{nil, os.Stdout, os.Stderr},
		})
		if err != nil {
			os.Exit(9)
		}
		_ = os.WriteFile(os.Getenv("PIDFILE"), []byte(strconv.Itoa(p.Pid)), 0o600)
		time.Sleep(time.Minute)
	}
	os.Exit(0)
}

func program(part string) Program {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return Program{Path: self, Env: []string{partVar + "=" + part}}
}

func TestRunPassesBytes(t *testing.T) {
	p := program("cat")
	p.Input = bytes.Repeat([]byte{0, 1, 0xff, '\n'}, 100_000)
	out, err := Run(t.Context(), p)
	if err != nil || !bytes.Equal(out, p.Input) {
		t.Errorf("%d octets and %v, want %d", len(out), err, len(p.Input))
	}
}

func TestRunHasNoShell(t *testing.T) {
	p := program("args")
	p.Args = []string{"$(id)", "a b", "; ls", `"`, ""}
	out, err := Run(t.Context(), p)
	if want := strings.Join(p.Args, "|"); err != nil || string(out) != want {
		t.Errorf("%q %v, want %q", out, err, want)
	}
}

func TestRunReportsExit(t *testing.T) {
	_, err := Run(t.Context(), program("fail"))
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 3 || exit.Stderr != "no such voice" {
		t.Errorf("%v, want exit status 3 with the complaint", err)
	}
}

func TestRunEndsByLimits(t *testing.T) {
	flood, slow := program("flood"), program("sleep")
	flood.MaxOutput = 10_000
	slow.Limit = 50 * time.Millisecond
	if out, err := Run(t.Context(), flood); !errors.Is(err, ErrOutputTooLarge) || out != nil {
		t.Errorf("flood: %d octets, %v", len(out), err)
	}
	if _, err := Run(t.Context(), slow); !errors.Is(err, ErrTimeLimit) {
		t.Errorf("slow: %v", err)
	}
}

func TestRunEndsTheWholeGroup(t *testing.T) {
	p := program("parent")
	file := t.TempDir() + "/pid"
	p.Env = append(p.Env, "PIDFILE="+file)
	cause := errors.New("caller left")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { // joined by Run, which ends only after it
		for pidIn(file) == 0 {
			time.Sleep(time.Millisecond) // a real process: no bubble can hold it
		}
		cancel(cause)
	}()
	_, err := Run(ctx, p)
	if !errors.Is(err, cause) {
		t.Fatalf("%v, want the cause", err)
	}
	pid := pidIn(file)
	for range 200 { // whoever inherits the child reaps it in its own time
		if state(pid) != "alive" {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Error("the child outlived its group")
}

func pidIn(file string) int {
	b, _ := os.ReadFile(file)
	pid, _ := strconv.Atoi(string(b))
	return pid
}

// state counts a zombie as dead.
func state(pid int) string {
	if syscall.Kill(pid, 0) != nil {
		return "gone"
	}
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if _, rest, ok := strings.Cut(string(b), ") "); ok && strings.HasPrefix(rest, "Z") {
		return "zombie"
	}
	return "alive"
}

func TestFind(t *testing.T) {
	if _, err := Find("pintle-no-such-program"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("find: %v", err)
	}
	if _, err := Run(t.Context(), Program{Path: "/no/such/program"}); err == nil {
		t.Error("a missing program ran")
	}
}
