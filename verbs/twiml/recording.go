package twiml

import "pintle/verbs"

// recordingAttrs are the attributes by which a recording reports its states.
var recordingAttrs = []attr{
	{"recordingStatusCallback", "", "URL that is told of the recording's states"},
	{"recordingStatusCallbackMethod", "POST", "GET or POST"},
	{"recordingStatusCallbackEvent", "completed", "states that are told: in-progress, completed, absent"},
	{"recordingConfigurationId", "", "ignored"},
}

func (e *element) recordingCallback() verbs.RecordingCallback {
	e.str("recordingConfigurationId")
	return verbs.RecordingCallback{
		URL:    e.callback("recordingStatusCallback", codeRecordingCallback),
		Method: e.method("recordingStatusCallbackMethod", codeRecordingCallback),
		Events: e.list("recordingStatusCallbackEvent", codeRecordingEvent, "in-progress", "completed", "absent"),
	}
}

// trim reads whether silence is cut off both ends.
func (e *element) trim() bool {
	return e.enum("trim", codeTrim, "trim-silence", "do-not-trim") == "trim-silence"
}
