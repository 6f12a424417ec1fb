package ec2

import (
	"strconv"

	"weir/internal/api/wire"
)

var typeListing = listing[InstanceTypeInfo]{
	id: func(t InstanceTypeInfo) *string { return new(string(t.InstanceType)) },
	fields: merged(typeFields, typeNetworkFields, typeMachineFields,
		absent[InstanceTypeInfo]("ebs-info.attachment-limit-type", "ebs-info.maximum-ebs-attachments", "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps",
			"ebs-info.ebs-optimized-info.baseline-iops", "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps", "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps",
			"ebs-info.ebs-optimized-info.maximum-iops", "ebs-info.ebs-optimized-info.maximum-throughput-in-mbps", "instance-storage-info.disk.count",
			"instance-storage-info.disk.size-in-gb", "instance-storage-info.disk.type", "instance-storage-info.encryption-support", "instance-storage-info.nvme-support",
			"instance-storage-info.total-size-in-gb", "network-info.bandwidth-weightings", "network-info.efa-info.maximum-efa-interfaces",
			"network-info.flexible-ena-queues-support", "network-info.network-performance", "nitro-tpm-info.supported-versions", "processor-info.supported-features",
			"processor-info.sustained-clock-speed-in-ghz", "reboot-migration-support")),
}

// typeFields are the filters of DescribeInstanceTypes by what a type is.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html
var typeFields = wire.Fields[InstanceTypeInfo]{
	"auto-recovery-supported":         func(t InstanceTypeInfo) []string { return flag(t.AutoRecoverySupported) },
	"bare-metal":                      func(t InstanceTypeInfo) []string { return flag(t.BareMetal) },
	"burstable-performance-supported": func(t InstanceTypeInfo) []string { return flag(t.BurstablePerformanceSupported) },
	"current-generation":              func(t InstanceTypeInfo) []string { return flag(t.CurrentGeneration) },
	"dedicated-hosts-supported":       func(t InstanceTypeInfo) []string { return flag(t.DedicatedHostsSupported) },
	"ebs-info.ebs-optimized-support":  func(t InstanceTypeInfo) []string { return fact(&t.EbsInfo.EbsOptimizedSupport) },
	"ebs-info.encryption-support":     func(t InstanceTypeInfo) []string { return fact(&t.EbsInfo.EncryptionSupport) },
	"ebs-info.nvme-support":           func(t InstanceTypeInfo) []string { return fact(&t.EbsInfo.NvmeSupport) },
	"free-tier-eligible":              func(t InstanceTypeInfo) []string { return flag(t.FreeTierEligible) },
	"hibernation-supported":           func(t InstanceTypeInfo) []string { return flag(t.HibernationSupported) },
	"hypervisor":                      func(t InstanceTypeInfo) []string { return fact(&t.Hypervisor) },
	"instance-storage-supported":      func(t InstanceTypeInfo) []string { return flag(t.InstanceStorageSupported) },
	"instance-type":                   func(t InstanceTypeInfo) []string { return fact(&t.InstanceType) },
	"nitro-enclaves-support":          func(t InstanceTypeInfo) []string { return fact(&t.NitroEnclavesSupport) },
	"nitro-tpm-support":               func(t InstanceTypeInfo) []string { return fact(&t.NitroTpmSupport) },
	"supported-boot-mode":             func(t InstanceTypeInfo) []string { return texts(t.SupportedBootModes) },
	"supported-root-device-type":      func(t InstanceTypeInfo) []string { return texts(t.SupportedRootDeviceTypes) },
	"supported-usage-class":           func(t InstanceTypeInfo) []string { return texts(t.SupportedUsageClasses) },
	"supported-virtualization-type":   func(t InstanceTypeInfo) []string { return texts(t.SupportedVirtualizationTypes) },
}

var typeMachineFields = wire.Fields[InstanceTypeInfo]{
	"memory-info.size-in-mib":               func(t InstanceTypeInfo) []string { return []string{strconv.FormatInt(*t.MemoryInfo.SizeInMiB, 10)} },
	"processor-info.supported-architecture": func(t InstanceTypeInfo) []string { return texts(t.ProcessorInfo.SupportedArchitectures) },
	"vcpu-info.default-cores":               func(t InstanceTypeInfo) []string { return decimal(t.VCpuInfo.DefaultCores) },
	"vcpu-info.default-threads-per-core":    func(t InstanceTypeInfo) []string { return decimal(t.VCpuInfo.DefaultThreadsPerCore) },
	"vcpu-info.default-vcpus":               func(t InstanceTypeInfo) []string { return decimal(t.VCpuInfo.DefaultVCpus) },
	"vcpu-info.valid-cores":                 func(t InstanceTypeInfo) []string { return decimals(t.VCpuInfo.ValidCores) },
	"vcpu-info.valid-threads-per-core":      func(t InstanceTypeInfo) []string { return decimals(t.VCpuInfo.ValidThreadsPerCore) },
}

var typeNetworkFields = wire.Fields[InstanceTypeInfo]{
	"network-info.efa-supported":                   func(t InstanceTypeInfo) []string { return flag(t.NetworkInfo.EfaSupported) },
	"network-info.ena-support":                     func(t InstanceTypeInfo) []string { return fact(&t.NetworkInfo.EnaSupport) },
	"network-info.encryption-in-transit-supported": func(t InstanceTypeInfo) []string { return flag(t.NetworkInfo.EncryptionInTransitSupported) },
	"network-info.ipv4-addresses-per-interface":    func(t InstanceTypeInfo) []string { return decimal(t.NetworkInfo.Ipv4AddressesPerInterface) },
	"network-info.ipv6-addresses-per-interface":    func(t InstanceTypeInfo) []string { return decimal(t.NetworkInfo.Ipv6AddressesPerInterface) },
	"network-info.ipv6-supported":                  func(t InstanceTypeInfo) []string { return flag(t.NetworkInfo.Ipv6Supported) },
	"network-info.maximum-network-cards":           func(t InstanceTypeInfo) []string { return decimal(t.NetworkInfo.MaximumNetworkCards) },
	"network-info.maximum-network-interfaces":      func(t InstanceTypeInfo) []string { return decimal(t.NetworkInfo.MaximumNetworkInterfaces) },
}

// texts are a filter's values of a list.
func texts[S ~string](list []S) []string {
	return facts(list, func(s S) []string { return []string{string(s)} })
}

func decimals(list []int32) []string {
	return facts(list, func(n int32) []string { return decimal(&n) })
}
