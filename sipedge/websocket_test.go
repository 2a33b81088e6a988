package sipedge

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func webSocketBench(t *testing.T, a *authority) *bench {
	t.Helper()
	return secureBench(t, a, func(c *Config) {
		c.Security.WSListen, c.Security.WSSListen = "127.0.0.1:0", "127.0.0.1:0"
		c.Security.WebSocketPath, c.Security.Origins = "/sip", []string{"https://phone.example.com"}
	})
}

// dialWebSocket is a browser's connection, by a library of others.
func dialWebSocket(t *testing.T, b *bench, a *authority, network string) *websocket.Conn {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.pool}}}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, res, err := websocket.Dial(ctx, strings.ToLower(network)+"://"+b.edge.AddrOf(network)+"/sip",
		&websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"sip"},
			HTTPHeader: http.Header{"Origin": {"https://phone.example.com"}}})
	if err != nil {
		t.Fatalf("%s: %v %v", network, err, res)
	}
	t.Cleanup(func() { c.CloseNow() }) //nolint:errcheck // closed before, mostly
	if c.Subprotocol() != "sip" {
		t.Errorf("subprotocol %q", c.Subprotocol())
	}
	c.SetReadLimit(1 << 20)
	return c
}

func readSocket(t *testing.T, c *websocket.Conn, want string) message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for {
		_, text, err := c.Read(ctx)
		if err != nil {
			t.Fatalf("%s did not come: %v", want, err)
		}
		if m := readMessage(string(text)); m.code() == want || m.method() == want {
			return m
		}
	}
}

func writeSocket(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestWebSocketCall(t *testing.T) {
	a := newAuthority(t)
	for _, network := range []string{"WS", "WSS"} {
		b := webSocketBench(t, a)
		c := dialWebSocket(t, b, a, network)
		const host = "df7jal23ls0d.invalid"
		writeSocket(t, c, streamRequest("OPTIONS", network, host, "", 1, ""))
		if m := readSocket(t, c, "200"); !strings.HasPrefix(m.get("via"), "SIP/2.0/"+network+" "+host) {
			t.Errorf("Via %s", m.get("via"))
		}
		writeSocket(t, c, headerFinish) // keep-alive
		writeSocket(t, c, strings.Replace(streamRequest("INVITE", network, host, "", 2, sdpOf(30000, "")),
			"CSeq: 2 INVITE", "CSeq: 2 BYE", 1))
		readSocket(t, c, "400") // the strict layer stands in front here too
		writeSocket(t, c, streamRequest("INVITE", network, host, "", 3, sdpOf(30000, "")))
		l := b.leg()
		if err := l.Answer(t.Context()); err != nil {
			t.Fatal(err)
		}
		ok := readSocket(t, c, "200")
		if !strings.Contains(ok.get("contact"), "transport="+strings.ToLower(network)) {
			t.Errorf("Contact %s", ok.get("contact"))
		}
		writeSocket(t, c, streamRequest("ACK", network, host, ";tag="+ok.tag(), 3, ""))
		if err := l.Hangup(t.Context(), hangupNow); err != nil {
			t.Fatal(err)
		}
		bye := readSocket(t, c, "BYE") // an .invalid contact is reached by its connection
		writeSocket(t, c, fmt.Sprintf("SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n\r\n",
			bye.get("via"), bye.get("from"), bye.get("to"), bye.get("call-id"), bye.get("cseq")))
		waitFor(t, "the end of the dialog", func() bool { return b.edge.Legs() == 0 })
	}
}

// A call outlives its connection: the browser comes back and hangs up over a new one.
func TestWebSocketReconnect(t *testing.T) {
	a := newAuthority(t)
	b := webSocketBench(t, a)
	c := dialWebSocket(t, b, a, "WS")
	const host = "df7jal23ls0d.invalid"
	writeSocket(t, c, streamRequest("INVITE", "WS", host, "", 1, sdpOf(30000, "")))
	l := b.leg()
	if err := l.Answer(t.Context()); err != nil {
		t.Fatal(err)
	}
	ok := readSocket(t, c, "200")
	writeSocket(t, c, streamRequest("ACK", "WS", host, ";tag="+ok.tag(), 1, ""))
	writeSocket(t, c, streamRequest("OPTIONS", "WS", host, ";tag="+ok.tag(), 2, ""))
	readSocket(t, c, "200") // the ACK before it has arrived too
	c.CloseNow()            //nolint:errcheck // it is to vanish
	again := dialWebSocket(t, b, a, "WS")
	writeSocket(t, again, streamRequest("INVITE", "WS", host, ";tag="+ok.tag(), 3, sdpOf(30000, "")))
	readSocket(t, again, "200")
	writeSocket(t, again, streamRequest("ACK", "WS", host, ";tag="+ok.tag(), 3, ""))
	if l.Context().Err() != nil {
		t.Fatal("the call ended with its connection")
	}
	done := make(chan error, 1)
	go func() { done <- l.Hangup(context.Background(), hangupNow) }()
	bye := readSocket(t, again, "BYE")
	writeSocket(t, again, fmt.Sprintf("SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n\r\n",
		bye.get("via"), bye.get("from"), bye.get("to"), bye.get("call-id"), bye.get("cseq")))
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWebSocketHandshakeRefusals(t *testing.T) {
	a := newAuthority(t)
	b := webSocketBench(t, a)
	good := "GET /sip HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat, sip\r\n" +
		"Origin: https://phone.example.com\r\n\r\n"
	for _, tc := range []struct {
		name, old, new string
		want           int
	}{
		{"good", "", "", 101},
		{"no origin: not a browser", "Origin: https://phone.example.com\r\n", "", 101},
		{"foreign origin", "phone.example.com", "evil.example.com", 403},
		{"null origin", "https://phone.example.com", "null", 403},
		{"two origins", "Origin: ", "Origin: https://evil.example.com\r\nOrigin: ", 403},
		{"another path", "/sip ", "/other ", 404},
		{"no subprotocol", "Sec-WebSocket-Protocol: chat, sip\r\n", "", 400},
		{"another subprotocol", "chat, sip", "chat", 400},
		{"POST", "GET", "POST", 400},
		{"no upgrade", "Upgrade: websocket\r\n", "", 426},
		{"old version", "Version: 13", "Version: 8", 426},
		{"bad key", "dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", 400},
		{"endless head", "Host: ", "X-Fill: " + strings.Repeat("x", 2*webSocketHead) + "\r\nHost: ", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := net.Dial("tcp", b.edge.AddrOf("WS"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			text := good
			if tc.old != "" {
				text = strings.Replace(good, tc.old, tc.new, 1)
			}
			if _, err = io.WriteString(c, text); err != nil {
				t.Fatal(err)
			}
			c.SetReadDeadline(time.Now().Add(3 * time.Second))
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if tc.want == 0 {
				if err == nil {
					t.Errorf("answered %d", res.StatusCode)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != tc.want {
				t.Errorf("answered %d, want %d", res.StatusCode, tc.want)
			}
			if tc.want == 101 && res.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Errorf("accept %q", res.Header.Get("Sec-Websocket-Accept"))
			}
		})
	}
}

// rawSocket is a connection after the handshake, whose frames a test writes by hand.
func rawSocket(t *testing.T, b *bench) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", b.edge.AddrOf("WS"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "GET /sip HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n")
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	head := make([]byte, 0, 1024)
	for one := make([]byte, 1); !bytes.HasSuffix(head, []byte(headerFinish)); head = append(head, one...) {
		if _, err := c.Read(one); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// fragments is a message in n pieces of 8000 octets that has no end.
func fragments(n int) []byte {
	var all []byte
	opcode := byte(frameText)
	for range n {
		at := len(all)
		all = appendFrame(all, opcode, frameMasked, make([]byte, 8000))
		all[at] &^= frameFinal
		opcode = frameContinues
	}
	return all
}

// Frames that break the rules end the connection with the right code; good ones in odd shapes are read.
func TestWebSocketFrames(t *testing.T) {
	a := newAuthority(t)
	b := webSocketBench(t, a)
	options := []byte(streamRequest("OPTIONS", "WS", "x.invalid", "", 1, ""))
	whole := appendFrame(nil, frameText, frameMasked, options)
	options = []byte(streamRequest("OPTIONS", "WS", "y.invalid", "", 1, "")) // another one, or it is a repetition
	split := appendFrame(nil, frameText, frameMasked, options[:100])
	split[0] &^= frameFinal
	split = append(split, appendFrame(nil, framePing, frameMasked, []byte("hi"))...)
	split = append(split, appendFrame(nil, frameContinues, frameMasked, options[100:])...)
	huge := append([]byte{0x82, 0xff}, binary.BigEndian.AppendUint64(nil, 1<<62)...)
	for _, tc := range []struct {
		name  string
		bytes []byte
		want  []byte // first octets of what comes back
	}{
		{"whole", whole, []byte{0x81}},
		{"in fragments, with a ping between", split, []byte{0x8a, 2, 'h', 'i', 0x81}},
		{"unmasked", appendFrame(nil, frameText, 0, options), []byte{0x88, 2, 0x03, 0xea}},
		{"2^62 octets", huge, []byte{0x88, 2, 0x03, 0xf1}},
		{"reserved bits", append([]byte{0xf1}, whole[1:]...), []byte{0x88, 2, 0x03, 0xea}},
		{"unknown opcode", append([]byte{0x83}, whole[1:]...), []byte{0x88, 2, 0x03, 0xea}},
		{"continuation of nothing", append([]byte{0x80}, whole[1:]...), []byte{0x88, 2, 0x03, 0xea}},
		{"long ping", appendFrame(nil, framePing, frameMasked, make([]byte, 126)), []byte{0x88, 2, 0x03, 0xea}},
		{"no SIP", appendFrame(nil, frameText, frameMasked, []byte("hello")), []byte{0x88, 2, 0x03, 0xea}},
		{"close", appendFrame(nil, frameClose, frameMasked, []byte{3, 0xe8}), []byte{0x88, 2, 0x03, 0xe8}},
		{"endless fragments", fragments(6), []byte{0x88, 2, 0x03, 0xf1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := rawSocket(t, b)
			if _, err := c.Write(tc.bytes); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(tc.want))
			if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, tc.want) {
				t.Errorf("got % x (%v), want % x", got, err, tc.want)
			}
		})
	}
}
