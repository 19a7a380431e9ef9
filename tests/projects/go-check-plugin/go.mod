module example.com/go-check-plugin

go 1.21

require (
	github.com/shirou/gopsutil/v3 v3.24.5
	github.com/spf13/pflag v1.0.5
)

require (
	github.com/go-ole/go-ole v1.2.6 // indirect
	github.com/power-devops/perfstat v0.0.0-20210106213030-5aafc221ea8c // indirect
	github.com/yusufpapurcu/wmi v1.2.4 // indirect
	golang.org/x/sys v0.20.0 // indirect
)
