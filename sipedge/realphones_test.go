package sipedge

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pintle/interpreter"
)

// Real telephones register with digest, are rung, and call. `make e2e` runs it.
func TestRealPhones(t *testing.T) {
	if os.Getenv("PINTLE_E2E") == "" {
		t.Skip("real peers are tried by `make e2e`")
	}
	for _, row := range []struct {
		name, md5 string
		start     func(t *testing.T, b *bench, dir, port string)
	}{
		{"baresip", "", startBaresip}, {"baresip", "MD5 alone", startBaresip},
		{"linphonec", "", startLinphone}, {"linphonec", "MD5 alone", startLinphone},
	} {
		t.Run(row.name+" "+row.md5, func(t *testing.T) {
			house := newHousehold("ann")
			b := phoneBench(t, house, func(c *Config) { c.Registrations.MD5Only = row.md5 != "" })
			row.start(t, b, t.TempDir(), freePort(t))
			slowly(t, "the registration", func() bool { return b.edge.Registered("ann", house.realm) })
			t.Logf("%+v", b.edge.Bindings())
			r := <-dialWith(b, "sip:ann@pbx.example", interpreter.DialOptions{Timeout: 15 * time.Second})
			if r.err != nil {
				t.Fatal(r.err)
			}
			if err := r.leg.Hangup(context.Background(), interpreter.Hangup{By: interpreter.ByFlow}); err != nil {
				t.Fatal(err)
			}
			b.set(false, nil) // no number is public: the phone has to log in
			select {
			case l := <-b.legs:
				if i := l.Info(); i.Device != "device-ann" {
					t.Errorf("the call came from %+v", i)
				}
				_ = l.Hangup(context.Background(), interpreter.Hangup{By: interpreter.ByFlow, Code: 486})
			case <-time.After(30 * time.Second):
				t.Error("the phone did not call")
			}
		})
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, port, _ := net.SplitHostPort(c.LocalAddr().String())
	return port
}

func slowly(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s did not come", what)
}

// startBaresip starts a phone that answers by itself, and calls after eight seconds.
func startBaresip(t *testing.T, b *bench, dir, port string) {
	t.Helper()
	modules := ""
	for _, p := range []string{"/usr/lib/baresip/modules", "/usr/lib/*/baresip/modules"} {
		if m, err := filepath.Glob(p); err == nil && len(m) > 0 {
			modules = m[0]
		}
	}
	write(t, dir, "config", "sip_listen 127.0.0.1:"+port+"\nnet_interface 127.0.0.1\nmodule_path "+modules+
		"\naudio_source aufile,"+dir+"/still.wav\naudio_alert aufile,/dev/null\nausrc_srate 8000\nauplay_srate 8000\n"+
		"module stdio.so\nmodule g711.so\nmodule aufile.so\n"+
		"module_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\n")
	write(t, dir, "accounts", fmt.Sprintf("<sip:ann@pbx.example;transport=udp>;outbound=\"sip:%s;lr\";auth_user=ann;"+
		"auth_pass=secret;regint=120;answermode=auto;audio_codecs=PCMU\n", b.edge.Addr()))
	write(t, dir, "contacts", "")
	write(t, dir, "still.wav", stillness())
	runPeer(t, dir, "sleep 8; echo '/dial sip:200@pbx.example'; sleep 20", "baresip", "-4", "-f", dir, "-t", "60", "-s")
}

// stillness is a minute of silence as a WAV file.
func stillness() string {
	const size = 60 * 8000 * 2
	head := []byte("RIFF....WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00" +
		"\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data....")
	binary.LittleEndian.PutUint32(head[4:], size+36)
	binary.LittleEndian.PutUint32(head[40:], size)
	return string(head) + strings.Repeat("\x00", size)
}

// startLinphone does the same.
func startLinphone(t *testing.T, b *bench, dir, port string) {
	t.Helper()
	write(t, dir, "rc", fmt.Sprintf("[sip]\nsip_port=%s\nsip_tcp_port=%s\nsip_tls_port=-1\n[video]\nenabled=0\n"+
		"capture=0\ndisplay=0\nautomatically_initiate=0\n", port, port))
	if err := os.MkdirAll(filepath.Join(dir, ".local/share/linphone"), 0o700); err != nil {
		t.Fatal(err)
	}
	runPeer(t, dir, fmt.Sprintf("sleep 1; echo 'soundcard use files'; echo 'autoanswer enable'; "+
		"echo 'register sip:ann@%[1]s <sip:%[1]s;lr> secret'; sleep 8; echo 'call sip:200@%[1]s'; sleep 20; echo quit",
		b.edge.Addr()), "linphonec", "-c", filepath.Join(dir, "rc"), "-d", "0")
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// runPeer runs a program until the test ends, with the output of a shell script as its input.
func runPeer(t *testing.T, dir, script string, name string, args ...string) {
	t.Helper()
	line := "exec " + name + " '" + strings.Join(args, "' '") + "'"
	if script != "" {
		line = "( " + script + " ) | " + name + " '" + strings.Join(args, "' '") + "'"
	}
	cmd := exec.Command("sh", "-c", line)
	cmd.Env = append(os.Environ(), "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v; run `sh fixtures/e2e/install.sh`", name, err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name()) //nolint:errcheck // a hint
			t.Logf("%s said:\n%.12000s", name, text)
		}
	})
}
