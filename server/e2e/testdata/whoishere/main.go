// Command whoishere prints who is in the lobby of a server, whenever that changes.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"rollcall/shared/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := client.Dial(ctx, os.Args[1], client.Options{Watch: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for {
		if _, err := c.Next(ctx); err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.Roster().Count(), "here:")
		for _, user := range c.Roster().Users() {
			fmt.Println(" ", user.Name)
		}
	}
}
