package main

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// portOwner names the program that has a port, as far as this user may see.
func portOwner(network, address string) string {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return "another program"
	}
	sockets := map[string]bool{}
	for _, name := range []string{network, network + "6"} {
		var f *os.File
		if f, err = os.Open("/proc/net/" + name); err != nil {
			continue
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			if inode := listenerOf(s.Text(), network, a.Port()); inode != "" {
				sockets["socket:["+inode+"]"] = true
			}
		}
		f.Close() //nolint:errcheck // it was only read
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil || len(sockets) == 0 {
		return "another program"
	}
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil || !sockets[to] {
			continue
		}
		pid := strings.Split(link, "/")[2]
		name, err := os.ReadFile("/proc/" + pid + "/comm")
		if err != nil {
			name = []byte("a program")
		}
		return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), pid)
	}
	return "a program of another user"
}

// listenerOf is the inode in a line of /proc/net/tcp or udp when that socket takes what comes to a port.
func listenerOf(line, network string, port uint16) string {
	const listening = "0A"
	f := strings.Fields(line)
	if len(f) < 10 || !strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) || network == "tcp" && f[3] != listening {
		return ""
	}
	return f[9]
}
