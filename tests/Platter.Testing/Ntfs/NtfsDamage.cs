using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;

namespace Platter.Testing.Ntfs;

/// <summary>A volume in memory, to be damaged in a known place; protection is taken off and put on again.</summary>
public sealed class NtfsDamage
{
    private readonly byte[] _bytes;

    public NtfsDamage(byte[] volume)
    {
        _bytes = volume;
        Device = new MemoryDevice(_bytes);
    }

    public MemoryDevice Device { get; }

    public Span<byte> Bytes => _bytes;

    /// <summary>The records in use that hold a file, by number.</summary>
    internal IEnumerable<NtfsRecord> Records()
    {
        using var volume = NtfsVolume.Open(Device, VolumeOptions.Default);
        for (var number = 0L; number < volume.Mft.Count; number++)
        {
            var record = volume.Mft.Load(number, out var problem, out _);
            if (problem is null && record.IsInUse)
                yield return record;
        }
    }

    /// <summary>The first record that holds such an attribute.</summary>
    internal NtfsRecord With(NtfsAttributeType type, string name = "", Func<NtfsRecord, bool>? also = null) =>
        Records().First(r => r.TryFind(type, name, out _) && also?.Invoke(r) != false);

    /// <summary>Changes a record.</summary>
    internal void Edit(NtfsRecord record, Action<byte[]> change)
    {
        change(record.Bytes);
        var stored = record.Bytes.ToArray();
        NtfsUpdateSequence.Apply(stored);
        stored.CopyTo(_bytes, record.Offset);
    }

    /// <summary>Changes an attribute: the bytes from its head on.</summary>
    internal void Edit(NtfsRecord record, NtfsAttributeType type, Action<Memory<byte>> change, string name = "")
    {
        record.TryFind(type, name, out var attribute);
        var (offset, length) = (attribute.Offset, attribute.Length);
        Edit(record, bytes => change(bytes.AsMemory(offset, length)));
    }

    /// <summary>Changes the value of a resident attribute.</summary>
    internal void EditValue(NtfsRecord record, NtfsAttributeType type, Action<Memory<byte>> change, string name = "") => Edit(record, type, attribute =>
    {
        ref readonly var head = ref OnDisk.View<NtfsResidentHeader>(attribute.Span);
        change(attribute.Slice(head.ValueOffset, (int)(uint)head.ValueLength));
    }, name);

    /// <summary>Where a byte of an attribute's content lies.</summary>
    internal long Place(NtfsRecord record, NtfsAttributeType type, long offset, string name = "")
    {
        using var volume = NtfsVolume.Open(Device, VolumeOptions.Default);
        var content = volume.OpenFile(record.Reference).Open(type, name)!;
        var run = content.Runs.Find(offset >> content.ClusterShift)!.Value;
        return (run.Lcn << content.ClusterShift) + (offset & (1L << content.ClusterShift) - 1);
    }

    /// <summary>Looks at everything there is, and gathers the codes of what is wrong.</summary>
    public SortedSet<string> Codes()
    {
        var codes = new SortedSet<string>(StringComparer.Ordinal);
        Look(codes, () =>
        {
            using var volume = NtfsVolume.Open(Device, VolumeOptions.Default);
            var pending = new Stack<NodeId>([volume.RootId]);
            var seen = new HashSet<NodeId>();
            Look(codes, () => volume.TryLookup(volume.RootId, "$Extend", out _));
            Look(codes, () => _ = volume.FreeBytes + volume.AllocatedRanges().Count());
            Look(codes, () => _ = volume.Info);
            while (pending.TryPop(out var id))
            {
                if (!seen.Add(id))
                    continue;
                Look(codes, () =>
                {
                    foreach (var entry in volume.Enumerate(id))
                    {
                        if (entry.Kind == EntryKind.Directory)
                            pending.Push(entry.Id);
                        else
                            LookAt(volume, entry.Id, codes);
                    }
                });
                LookAt(volume, id, codes);
            }
        });
        return codes;
    }

    private static void LookAt(NtfsVolume volume, NodeId id, SortedSet<string> codes)
    {
        Look(codes, () => volume.GetMetadata(id));
        Look(codes, () => volume.GetExtendedAttributes(id));
        Look(codes, () => volume.GetFormatAttributes(id));
        Look(codes, () =>
        {
            foreach (var stream in volume.GetStreams(id).Select(s => s.Name).Append(StreamName.Data))
                Look(codes, () => volume.OpenRead(id, stream).CopyTo(Stream.Null));
        });
    }

    private static void Look(SortedSet<string> codes, Action look)
    {
        try
        {
            look();
        }
        catch (DiskFormatException e)
        {
            codes.Add(e.Code);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or UnsupportedFeatureException)
        {
            // A directory has no data.
        }
    }
}
