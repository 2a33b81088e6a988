package interpreter

// Numbered codes of failures that the core itself raises; the whole table is [Codes].
const (
	CodeURL           = 11100
	CodeRetrieval     = 11200
	CodeConnect       = 11205
	CodeProtocol      = 11206
	CodeHost          = 11210
	CodeRedirects     = 11215
	CodeTLS           = 11220
	CodeCertName      = 11235
	CodeCertExpired   = 11236
	CodeCertTrust     = 11237
	CodeTooLarge      = 11750
	CodeParse         = 12100
	CodeXMLVersion    = 12101
	CodeRoot          = 12102
	CodeSchema        = 12200
	CodeContentType   = 12300
	CodeInternal      = 12400
	CodeRefer         = 13801
	CodeTransfer      = 13802
	CodeStatusFailed  = 15003
	CodeNotRegistered = 32009
	CodeLoop          = 90001
	CodeAddress       = 90002
	CodeMedia         = 90003
	CodeRecording     = 90004
	CodeInterrupted   = 90005
	CodeOverload      = 90006
	CodeHeader        = 90007
	CodeNoVoice       = 90008
	CodeTunnel        = 90009
	CodeHandshake     = 90020
)
