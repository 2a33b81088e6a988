//go:build flite

package tts

import _ "embed"

//go:embed assets/flite.wasm.gz
var embeddedFlite []byte
