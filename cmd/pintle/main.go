// Command pintle is the engine and its tools: serve answers calls, call places one, test runs scenarios, verbs lists
// what documents may hold.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the build.
var version = "dev"

// Exit codes of every command.
const (
	exitOK          = 0 // ended as it should
	exitFailed      = 1 // the flow failed, a scenario failed, the engine stopped on an error
	exitUsage       = 2 // wrong arguments, wrong configuration
	exitUnreachable = 3 // the application, or the engine that a command asks, could not be reached
	exitBadDocument = 4 // a document could not be used
)

// exitError carries an exit code; its text is one line for the person at the terminal.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func exitf(code int, format string, a ...any) error {
	return &exitError{code: code, err: fmt.Errorf(format, a...)}
}

// cli is the command line.
type cli struct {
	Serve      serveCmd      `cmd:"" help:"Answer calls: SIP in, webhooks out."`
	Call       callCmd       `cmd:"" help:"Place a scripted call through a flow and print what happens."`
	Test       testCmd       `cmd:"" help:"Run scenarios in virtual time."`
	Phones     phonesCmd     `cmd:"" help:"List the registered phones of a running engine."`
	Trunks     trunksCmd     `cmd:"" help:"List the trunks of a running engine and how they are."`
	Reload     reloadCmd     `cmd:"" help:"Let a running engine read its configuration again; calls go on."`
	Doctor     doctorCmd     `cmd:"" help:"Examine this machine, the configuration and the engine."`
	PhoneToken phoneTokenCmd `cmd:"" help:"Make a token with which a page logs in as a browser phone."`
	Verbs      verbsCmd      `cmd:"" help:"List every verb and module."`
	Docs       docsCmd       `cmd:"" hidden:"" help:"Write the generated pages of the documentation."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

func main() {
	childScenario()
	os.Exit(run(os.Args[1:]))
}

// run parses the arguments and runs one command under a context that ends with the first SIGINT or SIGTERM.
func run(args []string) int {
	var c cli
	usage := false
	parser, err := kong.New(&c, kong.Name("pintle"), kong.UsageOnError(),
		kong.Description("A programmable-voice engine: webhooks drive real SIP calls."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
		kong.Exit(func(int) { usage = true }),
		kong.Vars{"sip": defaultSIP, "http": defaultHTTP, "data": defaultData})
	if err != nil {
		fmt.Fprintln(os.Stderr, "pintle:", err)
		return exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if usage {
		return exitOK
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pintle:", err)
		fmt.Fprintln(os.Stderr, "Run 'pintle --help' for the commands, 'pintle COMMAND --help' for one of them.")
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "pintle:", err)
		var e *exitError
		if errors.As(err, &e) {
			return e.code
		}
		return exitFailed
	}
	return exitOK
}

type versionCmd struct{}

// Help shows an example.
func (versionCmd) Help() string {
	return `Example:
  pintle version`
}

// Run prints the version.
func (versionCmd) Run() error {
	fmt.Println("pintle", version)
	return nil
}
