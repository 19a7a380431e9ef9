module example.com/go-vendor-cgo-free

go 1.21

require github.com/mitchellh/go-wordwrap v1.0.1
