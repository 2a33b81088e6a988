package twiml

import (
	"strings"
	"testing"

	"pintle/interpreter"
)

// Each fault of a document has the number that the vendor publishes for it, and is the only warning about it.
func TestWarningCodes(t *testing.T) {
	for doc, code := range map[string]int{
		`<Say loop="x">a</Say>`:                       13510,
		`<Say voice="HAL">a</Say>`:                    13511,
		`<Say language="klingon">a</Say>`:             13512,
		`<Say><prosody rate="soon">a</prosody></Say>`: 13513,
		`<Say/>`:                                                                    13520,
		`<Say><break time="soon"/>a</Say>`:                                          12200,
		`<Say><lang xml:lang="xx">a</lang></Say>`:                                   13512,
		`<Say><Dial>1</Dial>a</Say>`:                                                12200,
		`<Play loop="x">/a.wav</Play>`:                                              13410,
		`<Play digits="1x"/>`:                                                       13430,
		`<Play>ftp://h/a</Play>`:                                                    11100,
		`<Pause length="-1"/>`:                                                      13910,
		`<Pause>text<Say>a</Say></Pause>`:                                           12200,
		`<Gather finishOnKey="12"/>`:                                                13310,
		`<Gather method="PUT"/>`:                                                    13312,
		`<Gather timeout="x"/>`:                                                     13313,
		`<Gather numDigits="0"/>`:                                                   13314,
		`<Gather><Record/></Gather>`:                                                13320,
		`<Gather><Say voice="HAL">a</Say></Gather>`:                                 13321,
		`<Gather><Say loop="x">a</Say></Gather>`:                                    13322,
		`<Gather input="thought"/>`:                                                 13326,
		`<Gather speechTimeout="x"/>`:                                               13327,
		`<Gather maxSpeechTime="x"/>`:                                               13328,
		`<Gather partialResultCallbackMethod="x"/>`:                                 13329,
		`<Gather hints="` + strings.Repeat("x", 101) + `"/>`:                        13330,
		`<Gather language="klingon"/>`:                                              13331,
		`<Gather bargeIn="x"/>`:                                                     13332,
		`<Gather profanityFilter="x"/>`:                                             13333,
		`<Gather speechModel="x"/>`:                                                 13334,
		`<Gather speechTimeout="auto" speechModel="deepgram_nova-3"/>`:              13335,
		`<Gather actionOnEmptyResult="x"/>`:                                         13338,
		`<Gather action="wss://h/"/>`:                                               11100,
		`<Record method="x"/>`:                                                      13610,
		`<Record timeout="x"/>`:                                                     13611,
		`<Record maxLength="99999"/>`:                                               13612,
		`<Record finishOnKey="x"/>`:                                                 13613,
		`<Record transcribe="x"/>`:                                                  13614,
		`<Record playBeep="x"/>`:                                                    13616,
		`<Record trim="x"/>`:                                                        13699,
		`<Record recordingStatusCallback="wss://h/"/>`:                              13256,
		`<Record recordingStatusCallbackEvent="x"/>`:                                13621,
		`<Record transcribeCallback="/t"/>`:                                         13257,
		`<Redirect method="x">/a</Redirect>`:                                        13710,
		`<Redirect>http:///x</Redirect>`:                                            11100,
		`<Reject reason="x"/>`:                                                      13810,
		`<Dial method="x">+15550100</Dial>`:                                         13210,
		`<Dial timeout="601">+15550100</Dial>`:                                      13212,
		`<Dial hangupOnStar="x">+15550100</Dial>`:                                   13213,
		`<Dial><Play>/a</Play>+15550100</Dial>`:                                     13215,
		`<Dial timeLimit="x">+15550100</Dial>`:                                      13216,
		`<Dial record="x">+15550100</Dial>`:                                         13217,
		`<Dial sequential="x">+15550100</Dial>`:                                     13218,
		`<Dial recordingTrack="x">+15550100</Dial>`:                                 13622,
		`<Dial>call me</Dial>`:                                                      13223,
		`<Dial><Number method="x">+15550100</Number></Dial>`:                        13221,
		`<Dial><Number sendDigits="1x">+15550100</Number></Dial>`:                   13222,
		`<Dial><Number>one</Number></Dial>`:                                         13223,
		`<Dial><Sip method="x">a@h</Sip></Dial>`:                                    13241,
		`<Dial><Sip>not an address</Sip></Dial>`:                                    13243,
		`<Dial><Sip username="` + strings.Repeat("x", 257) + `">a@h</Sip></Dial>`:   13249,
		`<Dial><Sip>` + strings.Repeat("<Uri>a@h</Uri>", 11) + `</Sip></Dial>`:      13250,
		`<Dial><Sip>a@h?` + strings.Repeat("X-A=1&amp;", 50) + `X-B=2</Sip></Dial>`: 13251,
		`<Dial><Sip>a@h?From=x</Sip></Dial>`:                                        13252,
		`<Dial><Sip>a@h?X-A=` + strings.Repeat("x", 1024) + `</Sip></Dial>`:         13253,
		`<Dial><Sip>a@h?X-A=%0a</Sip></Dial>`:                                       90007,
		`<Dial><Sim>DE1</Sim></Dial>`:                                               13258,
		`<Sms>a</Sms>`:                                                              13803,
		`<Enqueue>q</Enqueue>`:                                                      13750,
		`<Gathr/>`:                                                                  12200,
		`<Number>1</Number>`:                                                        12200,
		`<Hangup now="yes"/>`:                                                       12200,
	} {
		d, err := parse(t, "text/xml", "<Response>"+doc+"</Response>")
		if err != nil {
			t.Errorf("%s: %v", clip(doc), err)
			continue
		}
		if len(d.Warnings) != 1 || d.Warnings[0].Code != code {
			t.Errorf("%s: got %v, want %d alone", clip(doc), d.Warnings, code)
		}
		if _, ok := interpreter.CodeByNumber(code); !ok {
			t.Errorf("%d is not explained", code)
		}
	}
}
