package test

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	sdkecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"
	sdkvpc "github.com/aliyun/alibaba-cloud-sdk-go/services/vpc"
)

// log is one call of Log Service, signed with its first version.
// https://www.alibabacloud.com/help/en/sls/developer-reference/request-signatures
func (u *fcUser) log(method, project, path string, query map[string]string, body any, out any) {
	u.Helper()
	var data []byte
	h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}, "X-Log-Apiversion": {"0.6.0"}, "X-Log-Signaturemethod": {"hmac-sha1"}, "X-Log-Bodyrawsize": {"0"}}
	if body != nil {
		data = []byte(toJSON(body))
		h.Set("Content-Type", "application/json")
		h.Set("Content-Md5", fmt.Sprintf("%X", md5.Sum(data)))
		h.Set("X-Log-Bodyrawsize", strconv.Itoa(len(data)))
	}
	resource, values := path, url.Values{}
	for i, k := range slices.Sorted(maps.Keys(query)) {
		resource += map[bool]string{true: "?", false: "&"}[i == 0] + k + "=" + query[k]
		values.Set(k, query[k])
	}
	text := strings.Join([]string{method, h.Get("Content-Md5"), h.Get("Content-Type"), h.Get("Date"),
		"x-log-apiversion:0.6.0", "x-log-bodyrawsize:" + h.Get("X-Log-Bodyrawsize"), "x-log-signaturemethod:hmac-sha1", resource}, "\n")
	m := hmac.New(sha1.New, []byte("test"))
	m.Write([]byte(text))
	h.Set("Authorization", "LOG test:"+base64.StdEncoding.EncodeToString(m.Sum(nil)))
	r, err := http.NewRequestWithContext(u.Context(), method, u.d.url+path+"?"+values.Encode(), bytes.NewReader(data))
	u.check(err)
	r.Header, r.Host = h, project+"."+fcRegion+".log.aliyuncs.com"
	resp, err := http.DefaultClient.Do(r)
	u.check(err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	u.check(err)
	if resp.StatusCode != 200 {
		u.Fatalf("%s %s: %s %s", method, path, resp.Status, answer)
	}
	if out != nil {
		u.check(json.Unmarshal(answer, out))
	}
}

// flows waits until a logstore has a line with these fields.
func (u *fcUser) flows(what string, want map[string]string) map[string]string {
	u.Helper()
	var lines []map[string]string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		now := time.Now().Unix()
		query := "eni-id:" + want["eni-id"]
		u.log("GET", "net", "/logstores/flows", map[string]string{"type": "log", "from": strconv.FormatInt(now-3600, 10), "to": strconv.FormatInt(now+60, 10), "topic": "flow_log", "query": query, "line": "100", "reverse": "true"}, nil, &lines)
		for _, line := range lines {
			all := true
			for k, v := range want {
				all = all && line[k] == v
			}
			if all {
				return line
			}
		}
	}
	u.Fatalf("%s: no line has %v: %v", what, want, lines)
	return nil
}

// A flow log of a vSwitch has what passed and what was refused at its interfaces,
// in the vendor's fields, while it is active.
// https://www.alibabacloud.com/help/en/sls/vpc
func TestAlibabaFlowLog(t *testing.T) {
	t.Parallel()
	u := newDaemon(t, "-flow-log-interval", "1s").fcUser(t)
	net := u.network("10.0.0.0/8", "cn-hangzhou-h", "10.1.0.0/24")
	db := u.instance(net.vswitch, net.group, ecsServer, func(r *sdkecs.RunInstancesRequest) { r.PrivateIpAddress = "10.1.0.10" })
	other := u.group(net.vpc)
	vswitch := u.vswitch(net.vpc, "cn-hangzhou-h", "10.2.0.0/24")
	u.console(db, "role", "failed")

	create := aim(u, sdkvpc.CreateCreateFlowLogRequest())
	create.ResourceType, create.ResourceId, create.TrafficType, create.ProjectName, create.LogStoreName = "VSwitch", net.vswitch, "All", "net", "flows"
	id := must[*sdkvpc.CreateFlowLogResponse](t)(u.vpc.CreateFlowLog(create)).FlowLogId
	describe := func() sdkvpc.FlowLog {
		t.Helper()
		r := aim(u, sdkvpc.CreateDescribeFlowLogsRequest())
		r.FlowLogId = id
		return must[*sdkvpc.DescribeFlowLogsResponse](t)(u.vpc.DescribeFlowLogs(r)).FlowLogs.FlowLog[0]
	}
	if f := describe(); f.Status != "Active" || f.FlowLogDeliverStatus != "FAILED" || f.FlowLogDeliverErrorMessage != "ProjectNotExist" || f.AggregationInterval != 10 || f.ResourceType != "VSwitch" || f.TrafficType != "All" {
		t.Errorf("without a project: %+v", f)
	}
	u.log("POST", "net", "/", nil, map[string]any{"projectName": "net", "description": ""}, nil)
	u.log("POST", "net", "/logstores", nil, map[string]any{"logstoreName": "flows", "ttl": 7, "shardCount": 1}, nil)
	if f := describe(); f.FlowLogDeliverStatus != "SUCCESS" {
		t.Errorf("with a Logstore: %+v", f)
	}

	ask := aim(u, sdkecs.CreateDescribeNetworkInterfacesRequest())
	ask.InstanceId = db
	eni := must[*sdkecs.DescribeNetworkInterfacesResponse](t)(u.ecs.DescribeNetworkInterfaces(ask)).NetworkInterfaceSets.NetworkInterfaceSet[0].NetworkInterfaceId
	probe := func(addr string) string {
		t.Helper()
		return u.instance(vswitch, other, strings.Replace(ecsProbe, "(database, internet)", "(database,)", 1), func(r *sdkecs.RunInstancesRequest) { r.PrivateIpAddress = addr })
	}
	client := probe("10.2.0.20")
	u.console(client, "database", "none")
	at := map[string]string{"eni-id": eni, "vswitch-id": net.vswitch, "vpc-id": net.vpc, "vm-id": db, "account-id": "1000000000000000", "region": fcRegion, "version": "1", "log-status": "OK", "protocol": "6"}
	with := func(more map[string]string) map[string]string {
		m := maps.Clone(at)
		maps.Copy(m, more)
		return m
	}
	u.flows("refused", with(map[string]string{"srcaddr": "10.2.0.20", "dstaddr": "10.1.0.10", "dstport": "5432", "direction": "in", "action": "REJECT"}))
	u.allow(net.group, "5432/5432", "10.2.0.0/24")
	u.console(client, "database", "hello")
	u.flows("let in", with(map[string]string{"srcaddr": "10.2.0.20", "dstaddr": "10.1.0.10", "dstport": "5432", "direction": "in", "action": "ACCEPT"}))
	u.flows("answered", with(map[string]string{"srcaddr": "10.1.0.10", "srcport": "5432", "dstaddr": "10.2.0.20", "direction": "out", "action": "ACCEPT"}))

	u.flowLogOff(t, id, describe, probe)
	u.flows("active again", with(map[string]string{"srcaddr": "10.2.0.40", "action": "ACCEPT"}))
	var lines []map[string]string
	now := time.Now().Unix()
	u.log("GET", "net", "/logstores/flows", map[string]string{"type": "log", "from": strconv.FormatInt(now-3600, 10), "to": strconv.FormatInt(now+60, 10), "query": "srcaddr:10.2.0.30"}, nil, &lines)
	if len(lines) > 0 {
		t.Errorf("recorded though inactive: %v", lines)
	}
	gone := aim(u, sdkvpc.CreateDeleteFlowLogRequest())
	gone.FlowLogId = id
	must[*sdkvpc.DeleteFlowLogResponse](t)(u.vpc.DeleteFlowLog(gone))
	if _, err := u.vpc.DeleteFlowLog(gone); err == nil || !strings.Contains(err.Error(), "ResourceNotFound.FlowLog") {
		t.Errorf("deleting it again: %v", err)
	}
}

// flowLogOff has a client ask while a flow log is inactive, and another once it is active again.
func (u *fcUser) flowLogOff(t *testing.T, id string, describe func() sdkvpc.FlowLog, probe func(addr string) string) {
	t.Helper()
	off := aim(u, sdkvpc.CreateDeactiveFlowLogRequest())
	off.FlowLogId = id
	must[*sdkvpc.DeactiveFlowLogResponse](t)(u.vpc.DeactiveFlowLog(off))
	if f := describe(); f.Status != "Inactive" {
		t.Errorf("deactivated: %+v", f)
	}
	if _, err := u.vpc.DeactiveFlowLog(off); err == nil || !strings.Contains(err.Error(), "IncorrectStatus.flowlog") {
		t.Errorf("deactivating it again: %v", err)
	}
	quiet := probe("10.2.0.30")
	u.console(quiet, "database", "hello")
	u.release(quiet)
	on := aim(u, sdkvpc.CreateActiveFlowLogRequest())
	on.FlowLogId = id
	must[*sdkvpc.ActiveFlowLogResponse](t)(u.vpc.ActiveFlowLog(on))
	u.console(probe("10.2.0.40"), "database", "hello")
}
