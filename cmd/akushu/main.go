// Command akushu is the TLS handshake done and seen: it makes TLS connections and shows
// every message of them, decrypted and explained. See akushu help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/akushu/akushu/internal/cli"
	"github.com/akushu/akushu/internal/cli/root"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who asks twice does not want to wait
	code := root.Main(ctx, cli.System(), os.Args[1:])
	stop()
	os.Exit(int(code))
}
