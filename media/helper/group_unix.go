//go:build unix

package helper

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup gives the program a process group of its own, so that it ends with all its children.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// endGroup kills what is left of the group. The group's number is that of the program, which was waited for, but it
// cannot have been given to others while a member of the group lives; without members the kill finds nothing.
func endGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}

// environment returns env, or what a program needs at least.
func environment(env []string) []string {
	if env != nil {
		return env
	}
	return []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "HOME=" + os.TempDir()}
}
