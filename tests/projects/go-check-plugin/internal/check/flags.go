package check

import (
	"fmt"
	"io"

	"github.com/spf13/pflag"
)

// Options are the flags that every check has.
type Options struct {
	Flags             *pflag.FlagSet
	warning, critical Range
	version           bool
	name              string
}

// NewOptions prepares the common flags; a check adds its own to Flags.
func NewOptions(name string, out io.Writer) *Options {
	o := &Options{Flags: pflag.NewFlagSet(name, pflag.ContinueOnError), name: name}
	o.Flags.SetOutput(out)
	o.Flags.VarP(&o.warning, "warning", "w", "range that is fine, else WARNING")
	o.Flags.VarP(&o.critical, "critical", "c", "range that is fine, else CRITICAL")
	o.Flags.BoolVarP(&o.version, "version", "V", false, "print what this plugin was built for")
	return o
}

// Parse reads the arguments; done means that the check has nothing more to do.
func (o *Options) Parse(args []string, out io.Writer) (code int, done bool) {
	if err := o.Flags.Parse(args); err != nil {
		return Fail(out, o.name, err), true
	}
	if o.version {
		fmt.Fprintln(out, Build(o.name))
		return int(OK), true
	}
	return int(OK), false
}

// Warning is the threshold given, or nil.
func (o *Options) Warning() *Range { return given(&o.warning) }

// Critical is the threshold given, or nil.
func (o *Options) Critical() *Range { return given(&o.critical) }

func given(r *Range) *Range {
	if r.text == "" {
		return nil
	}
	return r
}
