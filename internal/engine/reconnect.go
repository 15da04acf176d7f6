package engine

import (
	"fmt"
	"time"
)

// maxReconnect is how long viewers may be kept waiting at most, as AWS keeps recordings open.
const maxReconnect = 5 * time.Minute

// reconnect reads the setting, which Check has found good.
func (c *Config) reconnect() time.Duration {
	d, err := parseReconnect(c.ReconnectWindow)
	if err != nil {
		panic(err)
	}
	return d
}

// parseReconnect reads a duration in Go's form, such as 30s; 0 is off.
func parseReconnect(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, &BadConfig{"reconnect-window", fmt.Sprintf("%q is not a duration such as 30s", text)}
	case d < 0 || d > maxReconnect:
		return 0, &BadConfig{"reconnect-window", "must be from 0 to 5m"}
	}
	return d, nil
}
