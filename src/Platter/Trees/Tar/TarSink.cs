using Platter.Blocks;
using Platter.FileSystems;
using Platter.Primitives;

namespace Platter.Trees.Tar;

/// <summary>A tar archive as the place where a tree goes: pax with what GNU tar and bsdtar read of attributes, ACLs and holes, and plain ustar
/// where that says all. The same tree gives the same bytes.</summary>
/// <remarks>An archive is written in order, so what cannot be read to its end leaves a trace: where the output cannot be taken back, the file is
/// there with zeros for what is missing, and is listed as a problem of the copy.</remarks>
public sealed class TarSink : TreeSink
{
    private const int FileMode = 0x1A4, DirectoryMode = 0x1ED, LinkMode = 0x1FF;     // 0644, 0755, 0777

    private static readonly byte[] Zeros = new byte[64 << 10];

    private readonly Stream _output;
    private readonly TarWriter _writer;
    private readonly Dictionary<TreeEntry, MetadataChange> _linked = [];
    private CopyOutline? _outline;
    private long _position;
    private bool _ended;

    /// <param name="output">Where the archive goes, from where the stream stands on; stays the caller's.</param>
    public TarSink(Stream output)
    {
        _output = output;
        _writer = new TarWriter(Put);
    }

    public override Capabilities Capabilities { get; } = new()
    {
        Features = Features.HardLinks | Features.SymbolicLinks | Features.DeviceNodes | Features.SparseFiles | Features.Mode | Features.Owner | Features.ExtendedAttributes,
        MaxNameLength = ushort.MaxValue,
        NameUnit = NameUnit.Bytes,
        CaseSensitive = true,
        MaxFileLength = long.MaxValue - (1 << 30),
        Modified = new TimeCapability(1, new Timestamp(long.MinValue / 4), new Timestamp(long.MaxValue / 4, 999_999_999)),
    };

    public override string Description => "tar";

    internal override bool WritesInOrder => true;

    internal override bool Takes(EntryKind kind) => kind != EntryKind.Socket;

    internal override void Start(MetadataChange? top)
    {
        if (top is not null)
            _writer.Write(Fields("./"u8.ToArray(), TarType.Directory, top, null) with { Mode = top.Mode ?? DirectoryMode });
    }

    internal override void Announce(CopyOutline outline) => _outline = outline;

    public override AddOutcome AddDirectory(TreeEntry entry, MetadataChange metadata)
    {
        _writer.Write(Fields(PathOf(entry, "/"), TarType.Directory, metadata, entry) with { Mode = metadata.Mode ?? DirectoryMode });
        return AddOutcome.Added;
    }

    public override AddOutcome AddFile(TreeEntry entry, MetadataChange metadata, CopyContent content)
    {
        var parts = content.HasHoles ? _outline?.Data : null;
        var fields = Fields(PathOf(entry), TarType.File, metadata, entry) with { Mode = metadata.Mode ?? FileMode };
        if (content.DeclaredLength is not { } length)
            AddUnmeasured(fields, content);
        else
            AddMeasured(fields with { Length = length, Parts = parts }, content);
        Remember(entry, metadata);
        return AddOutcome.Added;
    }

    public override AddOutcome AddSymbolicLink(TreeEntry entry, string target, MetadataChange metadata)
    {
        _writer.Write(Fields(PathOf(entry), TarType.SymbolicLink, metadata, entry) with { Mode = metadata.Mode ?? LinkMode, LinkName = EscapedUtf8.Encode(target) });
        Remember(entry, metadata);
        return AddOutcome.Added;
    }

    public override AddOutcome AddSpecial(TreeEntry entry, MetadataChange metadata)
    {
        var type = entry.Kind switch
        {
            EntryKind.CharacterDevice => TarType.CharacterDevice,
            EntryKind.BlockDevice => TarType.BlockDevice,
            _ => TarType.Fifo,
        };
        _writer.Write(Fields(PathOf(entry), type, metadata, entry) with { Mode = metadata.Mode ?? FileMode, Device = entry.Metadata.Device ?? default });
        Remember(entry, metadata);
        return AddOutcome.Added;
    }

    public override AddOutcome AddHardLink(TreeEntry entry, TreeEntry first)
    {
        if (!_linked.TryGetValue(first, out var metadata))
            throw new SourceFailureException(entry.Path, new IOException($"{first.Path}, the file it is another name of, was not copied"));
        _outline = null;
        _writer.Write(Fields(PathOf(entry), TarType.HardLink, metadata, first) with { Mode = metadata.Mode ?? FileMode, LinkName = PathOf(first) });
        return AddOutcome.Added;
    }

    internal override void Finish(CopyTally tally) => End();

    /// <summary>Writes the end mark, once.</summary>
    internal void End()
    {
        if (_ended)
            return;
        _ended = true;
        _writer.WriteEnd(_position);
        _output.Flush();
    }

    private static byte[] PathOf(TreeEntry entry, string end = "") => EscapedUtf8.Encode(entry.Path[1..] + end);

    private void Remember(TreeEntry entry, MetadataChange metadata)
    {
        if (entry.LinkIdentity is not null)
            _linked[entry] = metadata;
    }

    private TarFields Fields(byte[] path, byte type, MetadataChange metadata, TreeEntry? entry)
    {
        var from = entry?.Metadata;
        var fields = new TarFields
        {
            Path = path,
            Type = type,
            UserId = metadata.UserId ?? 0,
            GroupId = metadata.GroupId ?? 0,
            // A name belongs to its number.
            UserName = from?.UserId == metadata.UserId ? from?.UserName : null,
            GroupName = from?.GroupId == metadata.GroupId ? from?.GroupName : null,
            Modified = metadata.Modified ?? default,
            Attributes = _outline?.Attributes,
        };
        _outline = null;
        return fields;
    }

    // Of a content whose length only its end tells, a copy is kept until then.
    private void AddUnmeasured(TarFields fields, CopyContent content)
    {
        using var spool = new SpooledDevice(null);
        var length = 0L;
        while (content.MoveNext())
        {
            if (!content.IsHole)
                spool.WriteAt(content.PieceOffset, content.Data);
            length = content.PieceOffset + content.PieceLength;
        }
        _writer.Write(fields with { Length = length });
        var buffer = new byte[64 << 10];
        for (var at = 0L; at < spool.Length; at += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, spool.Length - at));
            spool.Read(at, part);
            Put(part);
        }
        PutZeros(length - spool.Length + TarWriter.Padding(length));
    }

    private void AddMeasured(TarFields fields, CopyContent content)
    {
        var start = _position;
        var left = _writer.Write(fields);
        left += TarWriter.Padding(left);
        var data = _position;
        var isWhole = false;
        try
        {
            if (fields.Parts is null)
                PutAll(content);
            else
                PutParts(content, fields.Parts);
            isWhole = true;
        }
        finally
        {
            if (!isWhole && _output.CanSeek)
            {
                _output.SetLength(_output.Length - (_position - start));
                _position = start;
            }
            else
            {
                // A file that has shrunk, or can't be read to its end, gets zeros, as tars do; the copy's report says so.
                PutZeros(data + left - _position);
            }
        }
    }

    private void PutAll(CopyContent content)
    {
        while (content.MoveNext())
        {
            if (content.IsHole)
                PutZeros(content.PieceLength);
            else
                Put(content.Data);
        }
    }

    // Pieces and parts both ascend; a piece may be longer than a part, or shorter.
    private void PutParts(CopyContent content, IReadOnlyList<ByteRange> parts)
    {
        var part = 0;
        var done = 0L;          // of all parts, from the start of the file
        while (content.MoveNext())
        {
            var (offset, end) = (content.PieceOffset, content.PieceOffset + content.PieceLength);
            while (part < parts.Count && parts[part].Offset < end)
            {
                var from = Math.Max(done, parts[part].Offset);
                var to = Math.Min(end, parts[part].End);
                if (from < offset)
                    PutZeros(Math.Min(offset, to) - from);
                from = Math.Max(from, offset);
                if (to > from && content.IsHole)
                    PutZeros(to - from);
                else if (to > from)
                    Put(content.Data.Slice((int)(from - offset), (int)(to - from)));
                done = to;
                if (to < parts[part].End)
                    break;
                part++;
            }
        }
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        _output.Write(bytes);
        _position += bytes.Length;
    }

    private void PutZeros(long count)
    {
        for (; count > 0; count -= Zeros.Length)
            Put(Zeros.AsSpan(0, (int)Math.Min(count, Zeros.Length)));
    }
}
