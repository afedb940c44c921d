using Platter.Blocks;
using Platter.Images;
using Platter.Images.Vhdx;
using Platter.Primitives;

namespace Platter.Tests.Images;

/// <summary>A small VHDX of 16 blocks of 1 MiB, the first of which is there; and ways to change its structures, checksums made right again.</summary>
internal sealed class VhdxBytes
{
    internal const int Log = 1 << 20, Metadata = 2 << 20, Bat = 3 << 20, Data = 4 << 20;

    internal VhdxBytes() : this("vhdx") { }

    internal VhdxBytes(string format, params (string Key, string Value)[] settings)
    {
        Host = new ResizableMemoryDevice(0);
        var all = settings.ToDictionary(s => s.Key, s => s.Value);
        all.TryAdd("block_size", "1M");
        using var image = ContainerFormat.FromName(format)!.Create(Host, 16 << 20, new ContainerOptions { UniqueId = new Guid(1, 2, 3, new byte[8]), Settings = all });
        image.Disk.Write(0, Enumerable.Repeat((byte)7, 5000).ToArray());
        image.Disk.Flush();
    }

    internal delegate void Change<T>(ref T structure);

    internal ResizableMemoryDevice Host { get; }

    internal static int HeaderAt(int slot) => (slot + 1) * (64 << 10);

    internal VhdxHeader Newest() => VhdxHeaders.Read(Host).Current;

    internal void EditHeaders(Change<VhdxHeader> change)
    {
        for (var slot = 0; slot < 2; slot++)
        {
            var header = OnDisk.View<VhdxHeader>(Host.Bytes, HeaderAt(slot));
            change(ref header);
            VhdxHeaders.Write(Host, header, slot);
        }
    }

    internal void EditRegion(int index, Change<VhdxRegion> change)
    {
        foreach (var table in new[] { 192 << 10, 256 << 10 })
        {
            change(ref OnDisk.Edit<VhdxRegion>(Host.Bytes, table + 16 + 32 * index));
            Sum(table);
        }
    }

    internal void AddRegion(Guid id, bool required, bool firstTableOnly = false, long offset = Data)
    {
        foreach (var table in new[] { 192 << 10, 256 << 10 })
        {
            if (firstTableOnly && table == 256 << 10)
                continue;
            ref var head = ref OnDisk.Edit<VhdxRegionTable>(Host.Bytes, table);
            OnDisk.Edit<VhdxRegion>(Host.Bytes, table + 16 + 32 * (int)(uint)head.EntryCount) =
                new VhdxRegion { Id = id, Offset = (ulong)(offset == Data ? Host.Length : offset), Length = offset == Data ? 0u : 1 << 20, Required = required ? 1u : 0 };
            head.EntryCount++;
            Sum(table);
        }
    }

    internal void EditItem(Guid id, Change<VhdxMetadataEntry> change) => change(ref OnDisk.Edit<VhdxMetadataEntry>(Host.Bytes, ItemAt(id)));

    internal void SetItem(Guid id, long value)
    {
        var entry = OnDisk.View<VhdxMetadataEntry>(Host.Bytes, ItemAt(id));
        OnDisk.Edit<U64Le>(Host.Bytes, Metadata + (int)(uint)entry.Offset) = (ulong)value;
    }

    internal void AddItem(Guid id, VhdxItemFlags flags)
    {
        ref var table = ref OnDisk.Edit<VhdxMetadataTable>(Host.Bytes, Metadata);
        OnDisk.Edit<VhdxMetadataEntry>(Host.Bytes, Metadata + 32 + 32 * table.EntryCount) = new VhdxMetadataEntry { Id = id, Offset = 64 << 10, Length = 1, Flags = (uint)flags };
        table.EntryCount = (ushort)(table.EntryCount + 1);
    }

    internal ulong Entry(int index) => OnDisk.View<U64Le>(Host.Bytes, Bat + 8 * index);

    internal void SetEntry(int index, ulong entry) => OnDisk.Edit<U64Le>(Host.Bytes, Bat + 8 * index) = entry;

    // A difference whose parent is the same disk, for what only differences can have; opened by Check with that parent.
    internal void MakeItsOwnParent() => _hasParent = true;

    private bool _hasParent;

    internal CheckReport Check()
    {
        var report = new CheckReport();
        if (!_hasParent)
        {
            using var image = Container.Open(Host);
            image.Check(report);
            return report;
        }
        using var parent = Container.Open(Host);
        var parts = VhdxParts.Read(Host, VhdxHeaders.Read(Host));
        parts = parts with { Layout = new VhdxLayout(parts.Layout.Bat, parts.Layout.Metadata with { HasParent = true }) };
        using var child = new VhdxImage(Host, parts, parent, (false, false));
        child.Check(report);
        return report;
    }

    private int ItemAt(Guid id)
    {
        for (var at = Metadata + 32; ; at += 32)
        {
            if (OnDisk.View<VhdxMetadataEntry>(Host.Bytes, at).Id == id)
                return at;
        }
    }

    private void Sum(int table)
    {
        ref var head = ref OnDisk.Edit<VhdxRegionTable>(Host.Bytes, table);
        head.Checksum = 0;
        head.Checksum = Crc32C.Compute(Host.Bytes.Slice(table, 64 << 10));
    }
}
