using Platter.Blocks;

namespace Platter.FileSystems.Ext;

/// <summary>An open file whose content is in blocks; holes and unwritten extents read as zeros.</summary>
internal sealed class ExtFileStream(ExtInode inode, ExtBlockMap map, ExtGeometry geometry, ExtBlocks blocks) : ReadingStream(inode.Length)
{
    private readonly long _length = inode.Length;
    private ExtRun _run;

    protected override void Fill(long offset, Span<byte> buffer)
    {
        for (var done = 0; done < buffer.Length;)
        {
            var run = RunAt(offset + done >> geometry.LogBlockSize);
            var left = Math.Min(run.End, (long.MaxValue >> geometry.LogBlockSize)) << geometry.LogBlockSize;
            var part = buffer.Slice(done, (int)Math.Min(buffer.Length - done, left - (offset + done)));
            if (run.HasData)
                ReadRun(run, offset + done, part);
            else
                part.Clear();
            done += part.Length;
        }
    }

    public override IEnumerable<ByteRange> DataRanges() => Extents().Stored();

    public override IEnumerable<StreamExtent> Extents()
    {
        foreach (var run in Runs())
        {
            var from = run.Logical << geometry.LogBlockSize;
            var length = Math.Min(run.End > _length >> geometry.LogBlockSize ? _length : run.End << geometry.LogBlockSize, _length) - from;
            yield return new StreamExtent(from, run.HasData ? run.Physical << geometry.LogBlockSize : -1, length);
        }
    }

    internal override HostExtent? FindOnHost(long offset, long length)
    {
        CheckOpen();
        if (offset >= _length)
            return null;
        var run = RunAt(offset >> geometry.LogBlockSize);
        if (!run.HasData)
            return null;
        var within = offset - (run.Logical << geometry.LogBlockSize);
        var there = Math.Min(Math.Min(length, _length - offset), (run.End - run.Logical << geometry.LogBlockSize) - within);
        return blocks.Device.FindOnHostWithin((run.Physical << geometry.LogBlockSize) + within, there);
    }

    private IEnumerable<ExtRun> Runs() =>
        _length == 0 ? [] : map.Runs(0, (_length - 1 >> geometry.LogBlockSize) + 1);

    private ExtRun RunAt(long logical)
    {
        if (logical < _run.Logical || logical >= _run.End)
            _run = logical < map.MaxBlocks ? map.Find(logical) : new ExtRun(logical, 0, (long.MaxValue >> geometry.LogBlockSize) - logical, false);
        return _run;
    }

    private void ReadRun(in ExtRun run, long offset, Span<byte> part)
    {
        var at = offset - (run.Logical << geometry.LogBlockSize) + (run.Physical << geometry.LogBlockSize);
        if (at + part.Length > blocks.Device.Length)
            blocks.CheckRange(at >> geometry.LogBlockSize, (at + part.Length - 1 >> geometry.LogBlockSize) - (at >> geometry.LogBlockSize) + 1, "Inode " + inode.Number);
        blocks.Device.Read(at, part);
    }
}

/// <summary>An open file whose content is in its inode.</summary>
internal sealed class ExtInlineStream(byte[] content) : ReadingStream(content.Length)
{
    protected override void Fill(long offset, Span<byte> buffer) => content.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
}
