using Platter.Blocks;
using Platter.Images;
using Platter.Testing.Blocks;

namespace Platter.Tests.Images.Qcow2;

/// <summary>The disk in a qcow2 image keeps the contract of every device: edited through a transaction, over a base or alone.</summary>
public abstract class Qcow2Conformance(string settings, bool backing = false, bool transaction = true) : BlockDeviceConformance
{
    private readonly MemoryJournalStore _store = new();
    private ResizableMemoryDevice? _file;
    private Container? _parent;

    protected override long TestLength => 1_000_448;       // whole sectors, no whole clusters

    protected override BlockDevice Create()
    {
        _file = new ResizableMemoryDevice(0);
        if (backing)
            _parent = ContainerFormat.Raw.Create(new ResizableMemoryDevice(0), 700_000);
        using (ContainerFormat.Qcow2.Create(_file, TestLength, Qcow2Images.Options(settings, _parent)))
        {
        }
        return Open();
    }

    protected override BlockDevice Reopen(BlockDevice device)
    {
        device.Flush();
        device.Dispose();
        Qcow2Images.AssertClean(_file!);
        return Open();
    }

    private BlockDevice Open()
    {
        var host = transaction ? (BlockDevice)TransactionDevice.Open(_file!, _store) : _file!;
        return new OwnedDisk(Qcow2Images.Open(host, _parent), transaction ? host : null);
    }
}

public sealed class Qcow2ConformanceTests() : Qcow2Conformance("");
public sealed class Qcow2WithoutTransactionTests() : Qcow2Conformance("", transaction: false);
public sealed class Qcow2Version2Tests() : Qcow2Conformance("compat=0.10");
public sealed class Qcow2SmallClusterTests() : Qcow2Conformance("cluster_size=512");
public sealed class Qcow2SmallClusterWideRefcountTests() : Qcow2Conformance("cluster_size=512,refcount_bits=64");
public sealed class Qcow2OneBitRefcountTests() : Qcow2Conformance("cluster_size=1K,refcount_bits=1");
public sealed class Qcow2LargeClusterTests() : Qcow2Conformance("cluster_size=2M,refcount_bits=4");
public sealed class Qcow2SubclusterTests() : Qcow2Conformance("extended_l2=on,cluster_size=32K");
public sealed class Qcow2PreallocatedTests() : Qcow2Conformance("preallocation=metadata,cluster_size=4K");
public sealed class Qcow2OverBaseTests() : Qcow2Conformance("cluster_size=4K", backing: true);
public sealed class Qcow2Version2OverBaseTests() : Qcow2Conformance("compat=0.10,cluster_size=4K", backing: true);
public sealed class Qcow2SubclustersOverBaseTests() : Qcow2Conformance("extended_l2=on,cluster_size=16K", backing: true);
