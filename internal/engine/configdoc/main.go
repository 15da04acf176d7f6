// Command configdoc writes docs/config.md, the reference of every setting, from the tags of engine.Config.
package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/streamcat/streamcat/internal/engine"
)

func main() {
	var b strings.Builder
	b.WriteString("# Settings\n\n<!-- Written by go generate from engine.Config. -->\n\n" +
		"Each setting is a flag (`--http-addr`), an environment variable (`STREAMCAT_HTTP_ADDR`) and a name in the YAML file of `--config`\n" +
		"(`http-addr:`). Flags win over the environment, the environment over the file. Port 0 asks for any free port.\n\n" +
		"| setting | default | meaning |\n| --- | --- | --- |\n")
	t := reflect.TypeFor[engine.Config]()
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		def := tag.Get("default")
		switch {
		case def != "":
			def = "`" + def + "`"
		case t.Field(i).Type.Kind() == reflect.Bool:
			def = "off"
		}
		help := strings.ReplaceAll(tag.Get("help"), "|", "\\|")
		if tag.Get("secret") != "" {
			help += " Prefer the environment or the file: flags show in process lists."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", tag.Get("name"), def, help)
	}
	if err := os.WriteFile(os.Args[1], []byte(b.String()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
