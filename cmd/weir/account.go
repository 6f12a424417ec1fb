package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"

	"weir/internal/cloud"
)

// accountRequest asks for a root key of an account.
type accountRequest struct {
	Account string `json:"account"`
}

// rootKey is the answer.
type rootKey struct {
	Account string `json:"account"`
	KeyID   string `json:"key_id"`
	Secret  string `json:"secret"`
}

// account makes accounts: one is there once it has a key of its root.
func account(ctx context.Context, e env, args []string) error {
	fs := flags(e, "account", "usage: weir account create ID [flags]; an ID is 12 digits")
	addr := addrFlag(fs)
	words, err := parseWords(fs, args, 2, 2)
	if err != nil {
		return err
	}
	if words[0] != "create" {
		return wrong(fs)
	}
	c := newClient(*addr)
	if err := c.asOwner(ctx); err != nil {
		return err
	}
	var k rootKey
	if err := c.call(ctx, http.MethodPost, "/_weir/accounts", accountRequest{Account: words[1]}, &k); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "# root of account %s\nexport AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\nunset AWS_SESSION_TOKEN AWS_PROFILE\n", k.Account, k.KeyID, k.Secret)
	return nil
}

// createAccount gives an account's root a key; the account is there from then on.
func (d *daemon) createAccount(r *http.Request) (any, error) {
	var in accountRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if !accountForm.MatchString(in.Account) {
		return nil, cloud.Errorf(cloud.Malformed, "", in.Account, "account", "%q is no account: an account is 12 digits", in.Account)
	}
	k, err := d.control.CreateAccessKey(r.Context(), in.Account, "", "AKIA"+rand.Text()[:16], rand.Text()+rand.Text()[:14])
	if err != nil {
		return nil, err
	}
	return rootKey{Account: in.Account, KeyID: k.ID, Secret: k.Secret}, nil
}
