using Platter.Blocks;
using Platter.FileSystems;
using Platter.Images.Compressed;

namespace Platter.Trees.Tar;

/// <summary>A tar archive as a tree: ustar, pax, GNU, star, Solaris and the seventh edition's, compressed or not.</summary>
/// <remarks>
/// <para>The headers are read once, when the archive is opened. Contents are read from the file itself; what comes compressed, or from a
/// stream, is unpacked in one pass to memory or, from a few megabytes on, to a temporary file without a name.</para>
/// <para>Directories that are missing are implied, later members replace earlier ones, as unpacking would have it. Members that cannot be had
/// (names that lead out of the tree or through a symbolic link, links to nothing, what was cut off) are entries with a
/// <see cref="TreeEntry.Problem"/>, at the front of the walk.</para>
/// </remarks>
public sealed class TarSource : TreeSource
{
    private readonly BlockDevice _archive;
    private readonly TarIndex _index;

    private TarSource(BlockDevice archive, TarIndex index)
    {
        _archive = archive;
        _index = index;
    }

    public override FileMetadata? RootMetadata => _index.Top.IsImplied ? null : _index.Top.ToMetadata();

    public override IReadOnlyList<Finding> Findings => _index.Findings.Findings;

    /// <summary>Opens an archive, compressed by gzip, Zstandard, xz, lz4 or bzip2 or not at all; which, its content says.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DiskFormatException">It is no archive.</exception>
    public static TarSource Open(string path, TarOptions? options = null)
    {
        options ??= TarOptions.Default;
        return TarFile.Open(path, options) is { } file ? Open(file, options) : throw NoArchive();
    }

    /// <summary>Opens an archive that comes from a stream; the stream stays the caller's, and is read to its end.</summary>
    /// <exception cref="DiskFormatException">It is no archive.</exception>
    public static TarSource Open(Stream stream, TarOptions? options = null)
    {
        options ??= TarOptions.Default;
        return TarFile.Open(stream, options) is { } file ? Open(file, options) : throw NoArchive();
    }

    /// <summary>An archive in a file that has been recognised; the file is taken over.</summary>
    internal static TarSource Open(TarFile file, TarOptions options)
    {
        try
        {
            return new TarSource(file.Archive, TarIndex.Read(file.Archive, options, file.Damage));
        }
        catch
        {
            file.Archive.Dispose();
            throw;
        }
    }

    public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default)
    {
        foreach (var (path, reason) in _index.Problems)
            yield return new TreeEntry(null, path.TrimStart('/'), new FileMetadata { Kind = EntryKind.File }) { Problem = reason };
        var stack = new Stack<(TarNode[] Nodes, int Next, TarEntry? Directory)>();
        stack.Push((_index.Top.Entries!.Sorted(), 0, null));
        while (stack.TryPop(out var level))
        {
            cancellation.ThrowIfCancellationRequested();
            if (level.Next == level.Nodes.Length)
                continue;
            var node = level.Nodes[level.Next];
            stack.Push((level.Nodes, level.Next + 1, level.Directory));
            var entry = MakeEntry(level.Directory, node);
            yield return entry;
            if (node.Entries is { } entries)
                stack.Push((entries.Sorted(), 0, entry));
        }
    }

    public override TreeContent OpenContent(TreeEntry entry, StreamName stream)
    {
        if (stream != StreamName.Data)
            throw new FileNotFoundException($"{entry.Path} has no {stream}");
        var node = ((TarEntry)entry).Node;
        return node.IsSparse ? new SparseContent(_archive, ReadAgain(node, null).Map!) : new PlainContent(_archive, node.DataOffset, node.Length);
    }

    public override int ReadWhole(TreeEntry entry, Span<byte> buffer)
    {
        var node = ((TarEntry)entry).Node;
        if (node.IsSparse)
            return base.ReadWhole(entry, buffer);
        var count = (int)Math.Min(buffer.Length, node.Length);
        _archive.Read(node.DataOffset, buffer[..count]);
        return count;
    }

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(TreeEntry entry)
    {
        var node = ((TarEntry)entry).Node;
        if (!node.HasAttributes)
            return NoAttributes;
        var attributes = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        ReadAgain(node, a => a.AddTo(attributes));
        return new SortedDictionary<string, byte[]>(attributes, StringComparer.Ordinal);
    }

    public override TreeEntry? FollowLink(TreeEntry link) => null;

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _archive.Dispose();
        base.Dispose(disposing);
    }

    private static DiskFormatException NoArchive() => new("TAR-0001", "TarHeader", 0, "found no header of a tar archive");

    private static TarEntry MakeEntry(TarEntry? directory, TarNode node)
    {
        var file = node.LinkTarget ?? node;
        return new TarEntry(directory, node.Name, file.ToMetadata(), file) { LinkIdentity = file.IsShared ? file : null, IsImplied = node.IsImplied };
    }

    // What is needed of few members only is not kept.
    private TarMember ReadAgain(TarNode node, Action<PaxAttribute>? attributes)
    {
        var reader = new TarReader(_archive) { Attributes = attributes };
        return reader.TryRead(node.Start, out var member) ? member : throw new IOException($"{node.Path}: the archive has changed since it was opened");
    }

    private sealed class TarEntry(TreeEntry? parent, string name, FileMetadata metadata, TarNode node) : TreeEntry(parent, name, metadata)
    {
        /// <summary>The file itself, whatever its name here.</summary>
        public TarNode Node { get; } = node;
    }

    private sealed class PlainContent(BlockDevice archive, long start, long length) : TreeContent
    {
        public override long? Length => length;

        public override int ReadAt(long offset, Span<byte> buffer)
        {
            var count = (int)Math.Min(buffer.Length, Math.Max(0, length - offset));
            archive.Read(start + Math.Min(offset, length), buffer[..count]);
            return count;
        }
    }

    private sealed class SparseContent(BlockDevice archive, TarSparseMap map) : TreeContent
    {
        public override long? Length => map.Length;

        public override IEnumerable<ByteRange> DataRanges() => map.Parts;

        public override int ReadAt(long offset, Span<byte> buffer)
        {
            var left = buffer[..(int)Math.Min(buffer.Length, Math.Max(0, map.Length - offset))];
            var count = left.Length;
            for (var i = map.Find(offset); !left.IsEmpty; i++)
            {
                if (i == map.Parts.Count)
                {
                    left.Clear();
                    break;
                }
                var part = map.Parts[i];
                var hole = (int)Math.Clamp(part.Offset - offset, 0, left.Length);
                left[..hole].Clear();
                left = left[hole..];
                offset += hole;
                if (left.IsEmpty)
                    break;
                var data = (int)Math.Min(left.Length, part.End - offset);
                archive.Read(map.PlaceOf(i) + offset - part.Offset, left[..data]);
                left = left[data..];
                offset += data;
            }
            return count;
        }
    }
}
