package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// version is the release of botocore whose models are read; another is refused,
// so that the generated files never change by accident.
const version = "1.43.11"

// model is botocore's service-2.json, as far as it is needed.
type model struct {
	Metadata struct {
		APIVersion     string `json:"apiVersion"`
		EndpointPrefix string `json:"endpointPrefix"`
		JSONVersion    string `json:"jsonVersion"`
		Protocol       string `json:"protocol"`
		ServiceID      string `json:"serviceId"`
		SigningName    string `json:"signingName"`
		TargetPrefix   string `json:"targetPrefix"`
		XMLNamespace   string `json:"xmlNamespace"`
	} `json:"metadata"`
	Operations map[string]*operation `json:"operations"`
	Shapes     map[string]*shape     `json:"shapes"`
}

type operation struct {
	Name string `json:"name"`
	HTTP struct {
		Method       string `json:"method"`
		RequestURI   string `json:"requestUri"`
		ResponseCode int    `json:"responseCode"`
	} `json:"http"`
	Input    *ref   `json:"input"`
	Output   *ref   `json:"output"`
	AuthType string `json:"authtype"`
}

type ref struct {
	Shape           string `json:"shape"`
	LocationName    string `json:"locationName"`
	QueryName       string `json:"queryName"`
	Location        string `json:"location"`
	TimestampFormat string `json:"timestampFormat"`
	Flattened       bool   `json:"flattened"`
	EventPayload    bool   `json:"eventpayload"`
	XMLAttribute    bool   `json:"xmlAttribute"`
	XMLNamespace    struct {
		URI string `json:"uri"`
	} `json:"xmlNamespace"`
}

type shape struct {
	Type            string          `json:"type"`
	Members         map[string]*ref `json:"members"`
	Required        []string        `json:"required"`
	Member          *ref            `json:"member"`
	Key             *ref            `json:"key"`
	Value           *ref            `json:"value"`
	Enum            []string        `json:"enum"`
	Min             *json.Number    `json:"min"`
	Max             *json.Number    `json:"max"`
	Pattern         string          `json:"pattern"`
	Payload         string          `json:"payload"`
	Flattened       bool            `json:"flattened"`
	TimestampFormat string          `json:"timestampFormat"`
	EventStream     bool            `json:"eventstream"`
	Exception       bool            `json:"exception"`
	Fault           bool            `json:"fault"`
	Error           *struct {
		Code           string `json:"code"`
		HTTPStatusCode int    `json:"httpStatusCode"`
		SenderFault    bool   `json:"senderFault"`
	} `json:"error"`
}

func (m *model) signingName() string {
	if m.Metadata.SigningName != "" {
		return m.Metadata.SigningName
	}
	return m.Metadata.EndpointPrefix
}

// load reads <dir>/<service>/<api>/service-2.json, compressed or not.
func load(dir, service, api string) (*model, error) {
	p := filepath.Join(dir, service, api, "service-2.json")
	f, err := os.Open(p + ".gz")
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(p)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the model of %s: %w", service, err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(f.Name(), ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", f.Name(), err)
		}
	}
	m := &model{}
	if err := json.NewDecoder(r).Decode(m); err != nil {
		return nil, fmt.Errorf("parsing %s: %w", f.Name(), err)
	}
	return m, nil
}

// findModels returns botocore's data directory: dir, or the one of the installed
// package. It refuses any version but the pinned one.
func findModels(dir string) (string, error) {
	if dir == "" {
		out, err := exec.Command("python3", "-c", "import botocore, os; print(os.path.dirname(botocore.__file__))").Output()
		if err != nil {
			return "", fmt.Errorf("looking for botocore: %w; install botocore==%s or name its data directory with -models", err, version)
		}
		dir = filepath.Join(strings.TrimSpace(string(out)), "data")
	}
	init, err := os.ReadFile(filepath.Join(dir, "..", "__init__.py"))
	if err != nil {
		return "", fmt.Errorf("reading botocore's version beside %s: %w", dir, err)
	}
	if want := "__version__ = '" + version + "'"; !strings.Contains(string(init), want) {
		return "", fmt.Errorf("the models in %s are not those of botocore %s: install that version, or change the pinned one on purpose", dir, version)
	}
	return dir, nil
}
