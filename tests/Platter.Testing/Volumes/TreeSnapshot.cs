using System.Security.Cryptography;
using Platter.FileSystems;
using Xunit;

namespace Platter.Testing.Volumes;

/// <summary>One entry of a <see cref="TreeSnapshot"/>. What is null is not stated, and not compared.</summary>
public sealed record SnapshotEntry(string Path, EntryKind Kind)
{
    public long? Length { get; init; }

    /// <summary>The SHA-256 of the main data, in lower-case hexadecimal digits.</summary>
    public string? Sha256 { get; init; }

    public Timestamp? Created { get; init; }
    public Timestamp? Modified { get; init; }
    public Timestamp? Accessed { get; init; }
    public DosAttributes? Attributes { get; init; }
    public int? Mode { get; init; }
    public uint? UserId { get; init; }
    public uint? GroupId { get; init; }
    public string? Target { get; init; }
    public DeviceNumber? Device { get; init; }

    /// <summary>Finder information and security descriptor, as hexadecimal digits.</summary>
    public string? FinderInfo { get; init; }

    public string? SecurityDescriptor { get; init; }

    /// <summary>Of a node with several names: the first of its paths.</summary>
    public string? FirstPath { get; init; }

    /// <summary>Named streams and resource fork, as <c>NAME=LENGTH:SHA256</c>, sorted.</summary>
    public string? Streams { get; init; }

    /// <summary>Extended attributes, as <c>NAME=HEX</c>, sorted.</summary>
    public string? ExtendedAttributes { get; init; }

    /// <summary>The properties that both state and that differ.</summary>
    public IEnumerable<string> DifferencesTo(SnapshotEntry actual)
    {
        (string Name, object? Expected, object? Found)[] pairs =
        [
            ("kind", Kind, actual.Kind), ("length", Length, actual.Length), ("content", Sha256, actual.Sha256),
            ("created", Created, actual.Created), ("modified", Modified, actual.Modified), ("accessed", Accessed, actual.Accessed),
            ("attributes", Attributes, actual.Attributes), ("mode", Mode, actual.Mode), ("user", UserId, actual.UserId), ("group", GroupId, actual.GroupId),
            ("target", Target, actual.Target), ("device", Device, actual.Device), ("Finder info", FinderInfo, actual.FinderInfo),
            ("security descriptor", SecurityDescriptor, actual.SecurityDescriptor), ("first path", FirstPath, actual.FirstPath),
            ("streams", Streams, actual.Streams), ("extended attributes", ExtendedAttributes, actual.ExtendedAttributes),
        ];
        return pairs.Where(p => p.Expected is not null && p.Found is not null && !p.Expected.Equals(p.Found))
            .Select(p => $"{p.Name}: expected {p.Expected}, found {p.Found}");
    }
}

/// <summary>A whole tree as plain values, to be compared with another: what a volume holds, what a model expects, what a kernel saw.</summary>
public sealed class TreeSnapshot
{
    private readonly SortedDictionary<string, SnapshotEntry> _entries = new(StringComparer.Ordinal);

    public TreeSnapshot(IEnumerable<SnapshotEntry> entries)
    {
        foreach (var entry in entries)
            Assert.True(_entries.TryAdd(entry.Path, entry), $"{entry.Path} is listed twice");
    }

    /// <summary>By path, in ordinal order; the root is not among them.</summary>
    public IReadOnlyDictionary<string, SnapshotEntry> Entries => _entries;

    /// <summary>Reads everything below the root: names, metadata, all content.</summary>
    public static TreeSnapshot Read(Volume volume)
    {
        var entries = new List<SnapshotEntry>();
        var firstPaths = new Dictionary<NodeId, int>();
        var hash = new StreamHash();
        var pending = new Stack<(NodeId Id, string Path)>();
        pending.Push((volume.RootId, ""));
        while (pending.TryPop(out var directory))
        {
            foreach (var child in volume.Enumerate(directory.Id))
            {
                var path = $"{directory.Path}/{child.Name}";
                var entry = ReadEntry(volume, child, path, hash, out var linkCount);
                if (linkCount > 1 && child.Kind != EntryKind.Directory)
                    entry = LinkTo(entry, child.Id, entries, firstPaths);
                entries.Add(entry);
                Assert.True(entries.Count < 2_000_000, "the tree does not end: is there a loop of directories?");
                if (child.Kind == EntryKind.Directory)
                    pending.Push((child.Id, path));
            }
        }
        return new TreeSnapshot(entries);
    }

    /// <summary>Lines that say how another tree differs from this; empty when it does not.</summary>
    public IReadOnlyList<string> DifferencesTo(TreeSnapshot actual)
    {
        var lines = new List<string>();
        foreach (var (path, expected) in _entries)
        {
            if (!actual._entries.TryGetValue(path, out var found))
                lines.Add($"- {path}: {Outline(expected)} is missing");
            else
                lines.AddRange(expected.DifferencesTo(found).Select(d => $"~ {path}: {d}"));
        }
        foreach (var (path, found) in actual._entries)
        {
            if (!_entries.ContainsKey(path))
                lines.Add($"+ {path}: {Outline(found)} was not expected");
        }
        return lines;
    }

    /// <summary>Fails with a readable difference unless both trees are the same.</summary>
    public void AssertSame(TreeSnapshot actual, string where)
    {
        var differences = DifferencesTo(actual);
        if (differences.Count > 0)
            Assert.Fail($"{where}: {differences.Count} differences, expected {Entries.Count} entries, found {actual.Entries.Count}\n"
                + string.Join('\n', differences.Take(40)));
    }

    private static SnapshotEntry ReadEntry(Volume volume, DirectoryEntry child, string path, StreamHash hash, out int linkCount)
    {
        var metadata = volume.GetMetadata(child.Id);
        linkCount = metadata.LinkCount ?? 1;
        Assert.True(metadata.Kind == child.Kind, $"{path}: its directory says {child.Kind}, its metadata {metadata.Kind}");
        var entry = new SnapshotEntry(path, metadata.Kind)
        {
            Created = metadata.Created,
            Modified = metadata.Modified,
            Accessed = metadata.Accessed,
            Attributes = metadata.DosAttributes & volume.Capabilities.SettableAttributes,
            Mode = metadata.Mode,
            UserId = metadata.UserId,
            GroupId = metadata.GroupId,
            Target = metadata.LinkTarget,
            Device = metadata.Device,
            FinderInfo = Hex(metadata.FinderInfo),
            SecurityDescriptor = Hex(metadata.SecurityDescriptor),
            Streams = string.Join(", ", volume.GetStreams(child.Id)
                .Select(s => $"{s.Name}={s.Length}:{hash.Of(volume, child.Id, s.Name, s.Length, path)}").Order(StringComparer.Ordinal)),
            ExtendedAttributes = string.Join(", ", volume.GetExtendedAttributes(child.Id)
                .Select(a => $"{a.Key}={Convert.ToHexStringLower(a.Value)}").Order(StringComparer.Ordinal)),
        };
        return metadata.Kind != EntryKind.File ? entry
            : entry with { Length = metadata.Length, Sha256 = hash.Of(volume, child.Id, StreamName.Data, metadata.Length, path) };
    }

    // The first path in ordinal order, whatever order the tree is walked in.
    private static SnapshotEntry LinkTo(SnapshotEntry entry, NodeId id, List<SnapshotEntry> entries, Dictionary<NodeId, int> firstPaths)
    {
        if (!firstPaths.TryGetValue(id, out var first))
        {
            firstPaths[id] = entries.Count;
            return entry with { FirstPath = entry.Path };
        }
        var path = entries[first].FirstPath!;
        if (string.CompareOrdinal(entry.Path, path) >= 0)
            return entry with { FirstPath = path };
        for (var i = 0; i < entries.Count; i++)
        {
            if (entries[i].FirstPath == path)
                entries[i] = entries[i] with { FirstPath = entry.Path };
        }
        return entry with { FirstPath = entry.Path };
    }

    private static string Outline(SnapshotEntry entry) => entry.Length is { } length ? $"a {entry.Kind} of {length} bytes" : $"a {entry.Kind}";

    internal static string? Hex(byte[]? bytes) => bytes is null ? null : Convert.ToHexStringLower(bytes);

    /// <summary>Hashes streams through one buffer.</summary>
    private sealed class StreamHash
    {
        private readonly byte[] _buffer = new byte[1 << 18];

        public string Of(Volume volume, NodeId id, StreamName name, long length, string path)
        {
            using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using var stream = volume.OpenRead(id, name);
            Assert.True(stream.Length == length, $"{path}: the stream says {stream.Length} bytes, its node {length}");
            var done = 0L;
            for (int n; (n = stream.ReadAt(done, _buffer)) > 0; done += n)
                sha.AppendData(_buffer, 0, n);
            Assert.True(done == length, $"{path}: {done} bytes could be read of {length}");
            return Convert.ToHexStringLower(sha.GetHashAndReset());
        }
    }
}
