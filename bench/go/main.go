// The webhook's job in Go with aws-sdk-go-v2: verify, parse, route, StartBuild. The loop over the Runtime API is the standard library's.
package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

type pipeline struct {
	Name, Repository, Project string
	Branches, Paths           []string
}

type request struct {
	Headers         map[string]string
	Body            string
	IsBase64Encoded bool
}

type response struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

type push struct {
	Ref, After string
	Repository struct {
		FullName string `json:"full_name"`
	}
	Commits []struct{ Added, Removed, Modified []string }
}

type function struct {
	secret       []byte
	byRepository map[string][]pipeline
	codebuild    *codebuild.Client
}

func (f *function) handle(ctx context.Context, event request) (response, error) {
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(event.Body)
		if err != nil {
			return answer(400, map[string]any{"error": "not base64"})
		}
		body = decoded
	}
	mac := hmac.New(sha256.New, f.secret)
	mac.Write(body)
	expected := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(event.Headers["x-hub-signature-256"]), []byte(expected)) {
		return answer(401, map[string]any{"error": "not proven"})
	}
	var pushed push
	if err := json.Unmarshal(body, &pushed); err != nil {
		return answer(400, map[string]any{"error": "no push"})
	}
	branch := strings.TrimPrefix(pushed.Ref, "refs/heads/")
	releases := []map[string]string{}
	for _, pipeline := range f.byRepository[pushed.Repository.FullName] {
		if !matches(pipeline.Branches, branch) || !touches(pipeline.Paths, pushed) {
			continue
		}
		started, err := f.codebuild.StartBuild(ctx, &codebuild.StartBuildInput{
			ProjectName:      aws.String(pipeline.Project),
			SourceVersion:    aws.String(pushed.After),
			IdempotencyToken: aws.String(event.Headers["x-github-delivery"] + pipeline.Name),
			EnvironmentVariablesOverride: []types.EnvironmentVariable{{
				Name: aws.String("BRANCH"), Value: aws.String(branch), Type: types.EnvironmentVariableTypePlaintext,
			}},
		})
		if err != nil {
			return response{}, err
		}
		releases = append(releases, map[string]string{"pipeline": pipeline.Name, "build": aws.ToString(started.Build.Id)})
	}
	return answer(202, map[string]any{"releases": releases})
}

func matches(patterns []string, name string) bool {
	for _, pattern := range patterns {
		if found, _ := path.Match(pattern, name); found {
			return true
		}
	}
	return false
}

func touches(patterns []string, pushed push) bool {
	for _, commit := range pushed.Commits {
		for _, files := range [][]string{commit.Added, commit.Removed, commit.Modified} {
			for _, file := range files {
				if matches(patterns, file) {
					return true
				}
			}
		}
	}
	return false
}

func answer(status int, body map[string]any) (response, error) {
	text, err := json.Marshal(body)
	return response{status, map[string]string{"content-type": "application/json"}, string(text)}, err
}

func (f *function) run(base string) error {
	for {
		next, err := http.Get(base + "/next")
		if err != nil {
			return err
		}
		var event request
		err = json.NewDecoder(next.Body).Decode(&event)
		next.Body.Close()
		if err != nil {
			return err
		}
		result, err := f.handle(context.Background(), event)
		if err != nil {
			return err
		}
		text, err := json.Marshal(result)
		if err != nil {
			return err
		}
		address := fmt.Sprintf("%s/%s/response", base, next.Header.Get("lambda-runtime-aws-request-id"))
		posted, err := http.Post(address, "application/json", bytes.NewReader(text))
		if err != nil {
			return err
		}
		io.Copy(io.Discard, posted.Body)
		posted.Body.Close()
	}
}

func start() error {
	text, err := os.ReadFile(os.Getenv("BENCH_ROUTES"))
	if err != nil {
		return err
	}
	var routes struct{ Pipelines []pipeline }
	if err := json.Unmarshal(text, &routes); err != nil {
		return err
	}
	f := &function{secret: []byte(os.Getenv("BENCH_SECRET")), byRepository: map[string][]pipeline{}}
	for _, pipeline := range routes.Pipelines {
		f.byRepository[pipeline.Repository] = append(f.byRepository[pipeline.Repository], pipeline)
	}
	settings, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return err
	}
	// SDKs of this age do not read AWS_ENDPOINT_URL.
	f.codebuild = codebuild.NewFromConfig(settings, func(options *codebuild.Options) {
		if url := os.Getenv("AWS_ENDPOINT_URL"); url != "" {
			options.EndpointResolver = codebuild.EndpointResolverFromURL(url)
		}
	})
	return f.run("http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation")
}

func main() {
	if err := start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
