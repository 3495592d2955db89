// Writes a database of trivy's (schema 2) with the advisories on standard input: `trivy-db <folder>`. No other can be had without its
// vendor's registry, and its format is that of a Go module.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

type advisory struct {
	ID    string `json:"id"`
	Of    string `json:"of"`
	Name  string `json:"name"`
	Fixed string `json:"fixed"`
}

func main() {
	var advisories []advisory
	check(json.NewDecoder(os.Stdin).Decode(&advisories))
	folder := os.Args[1]
	check(os.MkdirAll(folder, 0o755))
	db, err := bolt.Open(filepath.Join(folder, "trivy.db"), 0o600, nil)
	check(err)
	check(db.Update(func(tx *bolt.Tx) error {
		put(tx, []string{"data-source"}, "debian 13", object{"ID": "debian", "Name": "test", "URL": "test"})
		put(tx, []string{"data-source"}, "cargo::test", object{"ID": "ghsa", "Name": "test", "URL": "test"})
		for _, one := range advisories {
			if one.Of == "deb" {
				put(tx, []string{"debian 13", one.Name}, one.ID, object{"FixedVersion": one.Fixed})
			} else {
				put(tx, []string{"cargo::test", one.Name}, one.ID, object{
					"VulnerableVersions": []string{"< " + one.Fixed}, "PatchedVersions": []string{one.Fixed}})
			}
			put(tx, []string{"vulnerability"}, one.ID, object{"Title": "test", "Severity": "HIGH"})
		}
		return nil
	}))
	check(db.Close())
	never := "2099-01-01T00:00:00Z"
	metadata, err := json.Marshal(object{"Version": 2, "NextUpdate": never, "UpdatedAt": never, "DownloadedAt": never})
	check(err)
	check(os.WriteFile(filepath.Join(folder, "metadata.json"), metadata, 0o644))
}

type object map[string]any

func put(tx *bolt.Tx, path []string, key string, value object) {
	bucket, err := tx.CreateBucketIfNotExists([]byte(path[0]))
	check(err)
	for _, name := range path[1:] {
		bucket, err = bucket.CreateBucketIfNotExists([]byte(name))
		check(err)
	}
	text, err := json.Marshal(value)
	check(err)
	check(bucket.Put([]byte(key), text))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
