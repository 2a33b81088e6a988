package twiml

// Numbered codes of faults in verbs and nouns, those that the vendor publishes for the same fault.
const (
	codeDialInWhisper  = 13201
	codeDialMethod     = 13210
	codeDialTimeout    = 13212
	codeDialStar       = 13213
	codeDialCallerID   = 13214
	codeDialNested     = 13215
	codeDialTimeLimit  = 13216
	codeDialRecord     = 13217
	codeDialSequential = 13218

	codeNumberMethod = 13221
	codeNumberDigits = 13222
	codeNumberFormat = 13223

	codeSipMethod       = 13241
	codeSipURI          = 13243
	codeSipCallerID     = 13247
	codeSipCallerIDLong = 13248
	codeSipCredentials  = 13249
	codeSipURIs         = 13250
	codeSipHeaders      = 13251
	codeSipHeaderName   = 13252
	codeSipHeaderLength = 13253

	codeRecordingCallback  = 13256
	codeTranscribeCallback = 13257
	codeSim                = 13258

	codeGatherFinishOnKey     = 13310
	codeGatherMethod          = 13312
	codeGatherTimeout         = 13313
	codeGatherNumDigits       = 13314
	codeGatherNested          = 13320
	codeGatherSayVoice        = 13321
	codeGatherSayLoop         = 13322
	codeGatherInput           = 13326
	codeGatherSpeechTimeout   = 13327
	codeGatherMaxSpeechTime   = 13328
	codeGatherPartialMethod   = 13329
	codeGatherHints           = 13330
	codeGatherLanguage        = 13331
	codeGatherBargeIn         = 13332
	codeGatherProfanityFilter = 13333
	codeGatherSpeechModel     = 13334
	codeGatherSpeechAuto      = 13335
	codeGatherEmptyResult     = 13338
	codeGatherNoSpeech        = 13340

	codePlayLoop   = 13410
	codePlayDigits = 13430

	codeSayLoop     = 13510
	codeSayVoice    = 13511
	codeSayLanguage = 13512
	codeSayRate     = 13513
	codeSayEmpty    = 13520
	codeSayLong     = 13521

	codeRecordMethod      = 13610
	codeRecordTimeout     = 13611
	codeRecordMaxLength   = 13612
	codeRecordFinishOnKey = 13613
	codeRecordTranscribe  = 13614
	codeRecordLongForText = 13615
	codeRecordPlayBeep    = 13616
	codeNoTranscription   = 13617
	codeRecordingEvent    = 13621
	codeRecordingTrack    = 13622
	codeTrim              = 13699

	codeRedirectMethod = 13710
	codeUnsupported    = 13750
	codeSms            = 13803
	codeRejectReason   = 13810
	codePauseLength    = 13910
)
