// Command convert prints, for each request line on stdin, what BuildKit's own Dockerfile frontend makes of a
// Dockerfile: the steps with their environment, working directory, user, platform and copied paths. No engine and no
// network: every image is answered with the config given in the request.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

type request struct {
	Dockerfile string
	BuildArgs  map[string]string
	Target     string
	Platform   string
	Build      string
	Env        []string
	Workdir    string
	User       string
}

// transfer is a mount or a copy: a path of what it takes from, and a path here.
type transfer struct {
	Path  string
	Here  string
	Image string
}

type step struct {
	Line      int32
	Kind      string
	Args      []string
	Env       []string
	Cwd       string
	User      string
	Platform  string
	Transfers []transfer
}

type answer struct {
	Error string
	Steps []step
}

type resolver struct{ r request }

func (m resolver) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	img := ocispecs.Image{Platform: *opt.ImageOpt.Platform}
	img.Config.Env = m.r.Env
	img.Config.WorkingDir = m.r.Workdir
	img.Config.User = m.r.User
	img.RootFS.DiffIDs = []digest.Digest{digest.FromString(ref)}
	dt, err := json.Marshal(img)
	return ref, "", dt, err
}

func convert(r request) (answer, error) {
	ctx := context.Background()
	target := platforms.Normalize(platforms.MustParse(r.Platform))
	build := platforms.Normalize(platforms.MustParse(r.Build))
	dt := []byte(r.Dockerfile)
	caps := pb.Caps.CapSet(pb.Caps.All())
	res, err := dockerfile2llb.Dockerfile2LLB(ctx, dt, dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildArgs: r.BuildArgs, Target: r.Target, BuildPlatforms: []ocispecs.Platform{build},
		},
		TargetPlatform: &target,
		MetaResolver:   resolver{r},
		LLBCaps:        &caps,
		SourceMap:      llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", dt),
	})
	if err != nil {
		return answer{}, err
	}
	def, err := res.State.Marshal(ctx, llb.Platform(target))
	if err != nil {
		return answer{}, err
	}
	ops := map[string]*pb.Op{}
	for _, raw := range def.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(raw); err != nil {
			return answer{}, err
		}
		ops[digest.FromBytes(raw).String()] = op
	}
	out := answer{}
	for dgst, op := range ops {
		if s, ok := describe(ops, op); ok {
			if locs := def.Source.Locations[dgst]; locs != nil && len(locs.Locations) > 0 {
				s.Line = locs.Locations[0].Ranges[0].Start.Line
			}
			out.Steps = append(out.Steps, s)
		}
	}
	return out, nil
}

func describe(ops map[string]*pb.Op, op *pb.Op) (step, bool) {
	s := step{Platform: platform(op)}
	switch o := op.Op.(type) {
	case *pb.Op_Exec:
		meta := o.Exec.Meta
		s.Kind, s.Args, s.Env, s.Cwd, s.User = "run", meta.Args, meta.Env, meta.Cwd, meta.User
		for _, m := range o.Exec.Mounts {
			if m.Dest != "/" && m.Input >= 0 && m.MountType == pb.MountType_BIND {
				s.Transfers = append(s.Transfers, transfer{m.Selector, m.Dest, image(ops, op, int(m.Input))})
			}
		}
		return s, true
	case *pb.Op_File:
		s.Kind = "copy"
		for _, a := range o.File.Actions {
			if c := a.GetCopy(); c != nil && int(a.SecondaryInput) < len(op.Inputs) {
				s.Transfers = append(s.Transfers, transfer{c.Src, c.Dest, image(ops, op, int(a.SecondaryInput))})
			}
		}
		return s, len(s.Transfers) > 0
	}
	return s, false
}

func platform(op *pb.Op) string {
	p := op.Platform
	if p == nil {
		return ""
	}
	return platforms.Format(ocispecs.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant})
}

// image is the platform of the image that an input is, or nothing when it is something made here.
func image(ops map[string]*pb.Op, op *pb.Op, i int) string {
	in := ops[op.Inputs[i].Digest]
	if _, ok := in.Op.(*pb.Op_Source); ok {
		return platform(in)
	}
	return ""
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<26)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var r request
		err := json.Unmarshal(in.Bytes(), &r)
		var a answer
		if err == nil {
			a, err = convert(r)
		}
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			os.Exit(1)
		}
	}
}
