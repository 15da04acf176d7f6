// Package e2e holds the foreign judges: AWS's own clients, encoders, players and browsers that use a
// running server as people do. It has tests only; `make test` installs what they need.
package e2e
