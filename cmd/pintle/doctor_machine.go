package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pintle/interpreter/api"
	"pintle/media/helper"
	"pintle/media/tts"
)

const (
	gib         = 1 << 30
	filesOfCall = 6   // two legs with sound and its reports, a request, a recording
	filesBeside = 200 // of the engine itself
)

// checkTrunkStates asks the engine how the trunks are.
func (p *patient) checkTrunkStates(ctx context.Context) {
	if p.status == nil {
		return
	}
	var list api.TrunkList
	if err := p.engine.get(ctx, "/v1/trunks", &list); err != nil {
		p.fail("trunk", "Look into the engine's log.", "the engine does not tell of them: %v", err)
		return
	}
	for _, t := range list.Trunks {
		p.judgeTrunk(t)
	}
}

func (p *patient) judgeTrunk(t api.Trunk) {
	switch t.State {
	case api.TrunkUp:
		p.ok("trunk", "%s is up, %s in, %s out", t.ID, plural(t.In, "call"), plural(t.Out, "call"))
	case api.TrunkUnregistered:
		p.fail("trunk", "Compare username, password and realm with the provider's.", "%s is not registered: %s", t.ID,
			dash(t.Error))
	case api.TrunkDown:
		p.fail("trunk", "Ask the provider, and see whether a firewall lets SIP out.", "%s does not answer: %s", t.ID,
			dash(t.Error))
	default:
		p.warn("trunk", "Ask again in half a minute; with ping: 0s nobody asks it.", "nothing was heard of %s yet", t.ID)
	}
}

// checkPhones counts the registered phones.
func (p *patient) checkPhones(ctx context.Context) {
	if p.status == nil {
		return
	}
	list, err := p.engine.phones(ctx)
	if err != nil {
		p.fail("phones", "Look into the engine's log.", "the engine does not tell of them: %v", err)
		return
	}
	var silent []string
	for _, one := range list.Phones {
		if one.Silent != nil {
			silent = append(silent, one.User)
		}
	}
	if len(silent) > 0 {
		p.warn("phones", "Look at their network; 'pintle phones' has their addresses.",
			"%d of %d registered contacts are silent: %s", len(silent), len(list.Phones),
			printable(strings.Join(silent, ", ")))
		return
	}
	p.ok("phones", "%s registered", plural(len(list.Phones), "contact"))
}

// checkDisk looks at the disk of the data folder, or of where it will be made.
func (p *patient) checkDisk(context.Context) {
	dir := p.engine.dir
	if p.cfg != nil {
		dir = p.cfg.Data
	}
	dir = absolute(dir)
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			p.fail("disk", "Choose another data folder.", "%s is not a folder", dir)
			return
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	free, total, err := diskSpace(dir)
	if err != nil {
		p.warn("disk", "Look yourself.", "the space in %s cannot be told: %v", dir, err)
		return
	}
	p.judgeDisk(dir, free, total)
}

// judgeDisk holds what is free against the floor below which recordings stop: 5 %, at most 1 GiB.
func (p *patient) judgeDisk(dir string, free, total uint64) {
	floor := min(total/20, uint64(gib))
	const format = "%.1f of %.1f GiB are free in %s"
	a, b := float64(free)/gib, float64(total)/gib
	switch {
	case free <= floor:
		p.fail("disk", "Make room: recordings stop below 5 %, or 1 GiB.", format, a, b, dir)
	case free < 3*floor:
		p.warn("disk", "Make room soon: recordings stop below 5 %, or 1 GiB.", format, a, b, dir)
	default:
		p.ok("disk", format, a, b, dir)
	}
}

// checkClock asks whether somebody keeps the clock right: certificates and records depend on it.
func (p *patient) checkClock(context.Context) {
	now := time.Now()
	zone, _ := now.Zone()
	synchronised, known := clockError()
	switch {
	case now.Year() < 2025:
		p.fail("clock", "Set the clock.", "it says %s", now.Format(time.RFC3339))
	case known && !synchronised:
		p.warn("clock", "Start a time service such as chrony or systemd-timesyncd.",
			"it says %s, and the kernel knows of nobody who keeps it right", now.Format(time.RFC3339))
	case known:
		p.ok("clock", "kept right by a time service, zone %s", zone)
	default:
		p.ok("clock", "it says %s", now.Format(time.RFC3339))
	}
}

// checkVoices lists who can speak.
func (p *patient) checkVoices(ctx context.Context) {
	cache, err := os.MkdirTemp("", "pintle-doctor-")
	if err != nil {
		p.fail("voice", "Make room in the folder for temporary files.", "%v", err)
		return
	}
	defer os.RemoveAll(cache) //nolint:errcheck // the system empties its temporary folder, too
	o := tts.FliteOptions{CacheDir: cache}
	if p.cfg != nil {
		o.Path = p.cfg.Speech.Flite
	}
	engines, end := tts.Installed(ctx, o)
	var names []string
	for _, e := range engines[min(1, len(engines)):] { // the first are the recorded prompts of the program
		names = append(names, e.Name())
	}
	if err := end(); err != nil {
		names = append(names, err.Error())
	}
	if len(names) == 0 {
		p.warn("voice", "Install espeak-ng, or build with 'make flite'.", "nobody speaks texts; tones are played instead")
	} else {
		p.ok("voice", "%s", strings.Join(names, ", "))
	}
	if _, err := helper.Find("espeak-ng"); err != nil && len(names) > 0 {
		p.warn("languages", "Install espeak-ng when documents speak other languages.", "texts are spoken in English alone")
	}
	if _, err := helper.Find("ffmpeg"); err == nil {
		p.ok("ffmpeg", "installed")
	} else if _, err = helper.Find("lame"); err == nil {
		p.ok("lame", "installed")
	} else {
		p.ok("ffmpeg", "not installed: recordings are WAV")
	}
}

// checkFiles compares the limit of open files with what the calls need.
func (p *patient) checkFiles(context.Context) {
	open, limit := openFiles()
	who := "this user"
	if p.status != nil {
		open, limit, who = p.status.Files, p.status.MaxFiles, "the engine"
	}
	calls := 1000
	if p.cfg != nil && p.cfg.Limits.Calls > 0 {
		calls = p.cfg.Limits.Calls
	}
	need := uint64(calls*filesOfCall + filesBeside)
	switch {
	case limit == 0:
		p.ok("open files", "no limit is known here")
	case limit < need:
		p.warn("open files", "Raise it ('ulimit -n', LimitNOFILE= of systemd), or lower limits.calls.",
			"%s may open %d files; %d calls need %d", who, limit, calls, need)
	default:
		p.ok("open files", "%s may open %d, %d are; %d calls need %d", who, limit, open, calls, need)
	}
}
