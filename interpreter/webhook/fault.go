package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"pintle/interpreter"
)

// failure is a fault with the class that decides whether the request may be made again; 0: never.
type failure struct {
	fault *interpreter.Fault
	class causes
}

// Error is the fault's.
func (f *failure) Error() string { return f.fault.Error() }

// Unwrap gives the fault.
func (f *failure) Unwrap() error { return f.fault }

func fail(code int, class causes, msg string, err error) *failure {
	return &failure{fault: &interpreter.Fault{Code: code, Msg: msg, Err: err}, class: class}
}

// classify gives an error of the transport its code, by its type and by how far the attempt had come.
func classify(err error, at phase, host string) error {
	if errors.Is(err, interpreter.ErrShutdown) {
		return interpreter.ErrShutdown
	}
	var f *interpreter.Fault
	if errors.As(err, &f) {
		return &failure{fault: f}
	}
	var l *late
	if errors.As(err, &l) {
		return tooLate(l, host)
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return notFound(dns, host)
	}
	if f := certificate(err, host); f != nil {
		return f
	}
	switch {
	case at == securing:
		return handshake(err, host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail(interpreter.CodeConnect, onConnect,
			"nothing listens at "+host+"; start the application or correct the port", inner(err))
	case at < asking:
		return fail(interpreter.CodeConnect, onConnect,
			"no connection to "+host+"; check that it can be reached from here", inner(err))
	case at == asking && cut(err):
		return fail(interpreter.CodeConnect, onRead,
			host+" closed the connection without an answer; look for a crash in the application's log", inner(err))
	case at == reading && cut(err):
		return fail(interpreter.CodeProtocol, 0,
			"the answer of "+host+" was cut off; check the application and the proxy in front of it", inner(err))
	}
	return fail(interpreter.CodeProtocol, 0,
		"the answer of "+host+" is not valid HTTP; check that a web server listens on this port", inner(err))
}

func tooLate(l *late, host string) *failure {
	switch l.phase {
	case resolving:
		return fail(interpreter.CodeHost, onConnect,
			"the name of "+host+" could not be looked up in time; check the resolver of this machine", l)
	case waiting, connecting, securing:
		return fail(interpreter.CodeConnect, onConnect,
			"no connection to "+host+" in time; check that it can be reached from here and is not overloaded", l)
	case asking:
		return fail(interpreter.CodeConnect, onRead, host+" did not answer in time; make the application answer faster", l)
	case hearing, reading:
	}
	// What came in part is never asked for again.
	return fail(interpreter.CodeConnect, 0,
		"the answer of "+host+" stopped half-way; make the application answer faster", l)
}

func notFound(dns *net.DNSError, host string) *failure {
	class := onConnect
	if dns.IsNotFound {
		class = 0
	}
	msg := "there is no host " + host + "; check the spelling of its name"
	if name := tunnelHost(host); name != "" {
		msg = "there is no host " + host + "; the " + name + " tunnel has ended, start it again and use its new name"
	}
	if !dns.IsNotFound {
		msg = "the name of " + host + " could not be looked up; check the resolver of this machine"
	}
	return fail(interpreter.CodeHost, class, msg, errors.New(dns.Err))
}

// certificate recognises the three things that are wrong with certificates.
func certificate(err error, host string) *failure {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &name):
		return fail(interpreter.CodeCertName, 0,
			"the certificate of "+host+" is for another name; use the name it was made for", inner(err))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fail(interpreter.CodeCertExpired, 0,
			"the certificate of "+host+" has expired or is not valid yet; renew it", inner(err))
	case errors.As(err, &invalid), errors.As(err, &unknown):
		return fail(interpreter.CodeCertTrust, 0,
			"the certificate of "+host+" leads to no trusted authority;"+
				" send the whole chain or use a public authority", inner(err))
	}
	return nil
}

func handshake(err error, host string) *failure {
	var header tls.RecordHeaderError
	if errors.As(err, &header) && strings.HasPrefix(string(header.RecordHeader[:]), "HTTP") {
		return fail(interpreter.CodeTLS, 0, host+" speaks plain HTTP where TLS was expected; use http:// in the URL", nil)
	}
	return fail(interpreter.CodeTLS, onConnect,
		"the TLS handshake with "+host+" failed; check its protocol versions and its certificate", inner(err))
}

// cut tells whether the other side closed or reset the connection.
func cut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "server closed idle connection")
}

// inner leaves out the parts of an error that repeat the URL and shortens the rest: its text may be the server's.
func inner(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	if text := err.Error(); len(text) > 160 {
		return errors.New(printable(text, 160))
	}
	return err
}

func tooManyRedirects() *interpreter.Fault {
	return &interpreter.Fault{Code: interpreter.CodeRedirects, Msg: fmt.Sprintf("more than %d redirects;"+
		" end the circle in the application", maxRedirects)}
}
