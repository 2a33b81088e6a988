package main

import (
	"strings"
	"testing"
)

// What stands both under kazoo and in an account is an error that names both; what stands in one of them is none.
func TestKazooAndAccountsAgree(t *testing.T) {
	book := customerBook(t)
	c := config{Kazoo: kazooConfig{
		Devices: map[string]string{"ann": "sip:ann@10.0.0.1", "lone": "sip:lone@10.0.0.1"},
		Numbers: map[string]string{"101": "x", "555": "x", "*72123": "x"},
		Media:   map[string]string{"hello": "https://a.example/hello.wav"},
	}}
	err := c.agrees(book)
	if err == nil || strings.Count(err.Error(), "\n") != 1 ||
		!strings.Contains(err.Error(), "kazoo.devices.ann: a device of account First") ||
		!strings.Contains(err.Error(), "kazoo.numbers.101: a callflow of account First") {
		t.Errorf("told: %v", err)
	}
	if err := (&config{}).agrees(book); err != nil {
		t.Error(err)
	}
}
