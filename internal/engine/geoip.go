package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// lookAgain is how often the operator's country file is looked at for a newer one in its place.
const lookAgain = 2 * time.Second

// countries tells the country of an address by a file in MaxMind's DB format (MaxMind DB specification 2.0)
// that has country.iso_code, as GeoLite2 Country and City and DB-IP's have.
type countries struct {
	path   string
	log    *slog.Logger
	reader atomic.Pointer[maxminddb.Reader]
	seen   stamp // of the file that was last read, good or bad; run's alone after open
}

// stamp tells one version of a file from another.
type stamp struct {
	size     int64
	modified time.Time
}

// openCountries reads the file.
func openCountries(path string, log *slog.Logger) (*countries, error) {
	c := &countries{path: path, log: log}
	if err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

// of gives the ISO 3166-1 alpha-2 code of the country that an address is in; empty if the file does not say.
func (c *countries) of(a netip.Addr) (code string) {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return ""
	}
	if err := c.reader.Load().Lookup(a).DecodePath(&code, "country", "iso_code"); err != nil {
		return "" // a broken record says nothing
	}
	return code
}

// run takes newer files over until ctx ends. One that cannot be read leaves the file before it in use.
func (c *countries) run(ctx context.Context) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		info, err := os.Stat(c.path)
		if err != nil || c.seen == (stamp{info.Size(), info.ModTime()}) {
			continue // what is away for a moment is being replaced
		}
		if err := c.read(); err != nil {
			c.log.Warn("the new country file cannot be read, the old one stays in use", "path", c.path, "err", err)
		}
	}
}

// read takes the file into memory: whoever replaces a mapped one in place takes the ground from under us.
func (c *countries) read() error {
	info, err := os.Stat(c.path)
	if err != nil {
		return err
	}
	c.seen = stamp{info.Size(), info.ModTime()}
	data, err := os.ReadFile(c.path)
	if err != nil {
		return err
	}
	reader, err := maxminddb.OpenBytes(data)
	if err != nil {
		return fmt.Errorf("%s is no MaxMind DB file: %w", c.path, err)
	}
	if err := speaksOfCountries(reader); err != nil {
		return fmt.Errorf("%s: %w", c.path, err)
	}
	c.reader.Store(reader)
	c.log.Info("countries are told by this file", "path", c.path, "type", reader.Metadata.DatabaseType, "built", reader.Metadata.BuildTime().UTC())
	return nil
}

// speaksOfCountries refuses files about something else, by which nobody could watch anything.
func speaksOfCountries(reader *maxminddb.Reader) error {
	looked := 0
	for network := range reader.Networks() {
		var code string
		if err := network.DecodePath(&code, "country", "iso_code"); err != nil {
			return err
		}
		if code != "" {
			return nil
		}
		if looked++; looked == 10_000 {
			break
		}
	}
	return errors.New("it does not tell countries")
}
