"""What the commands do, callable as a library: values in, values out, nothing printed, no command line read.

The order is that of a build: `config` and `project` read what is named, `questions` plans and asks the
builder, `prepare` makes the new text, `preflight` looks ahead, `flow` solves, `checking` judges the
binaries, `finish` delivers and reports, `account` says what it came to and `records` remembers. `measuring`
and `equivalence` compare Dockerfiles and images; `checkup` examines the machine. Whoever wants to see what
happens meanwhile gives a `watching.Watcher`.
"""
