package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	models := flag.String("models", "", "botocore's data directory (default: ask python3)")
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	if err := run(*root, *models, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(root, models, what string) error {
	services, err := readConfig(filepath.Join(root, "tools/gen/aws.txt"))
	if err != nil {
		return err
	}
	ali, err := readConfig(filepath.Join(root, "tools/gen/alibaba.txt"))
	if err != nil {
		return err
	}
	switch what {
	case "":
	case "coverage":
		return writeCoverage(root, services, ali)
	case "aws", "alibaba":
	default:
		return fmt.Errorf("%q is not something to generate: say nothing, aws, alibaba or coverage", what)
	}
	if what != "alibaba" {
		if err := generateAWS(root, models, services); err != nil {
			return err
		}
	}
	if what != "aws" {
		if err := generateAlibabas(root, ali); err != nil {
			return err
		}
	}
	return writeCoverage(root, services, ali)
}

func generateAWS(root, models string, services []*service) error {
	models, err := findModels(models)
	if err != nil {
		return err
	}
	for _, s := range services {
		m, err := load(models, s.Name, s.API)
		if err != nil {
			return err
		}
		if err := generate(filepath.Join(root, "internal/api/aws", s.Name), s, m); err != nil {
			return fmt.Errorf("generating %s: %w", s.Name, err)
		}
	}
	return nil
}

func generateAlibabas(root string, services []*service) error {
	for _, s := range services {
		m, err := loadAlibaba(root, s)
		if err != nil {
			return err
		}
		if err := generateAlibaba(filepath.Join(root, "internal/api/alibaba", s.Name), s, m); err != nil {
			return fmt.Errorf("generating alibaba/%s: %w", s.Name, err)
		}
	}
	return nil
}
