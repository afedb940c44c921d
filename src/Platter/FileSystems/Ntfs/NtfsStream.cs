using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>An open stream whose clusters are its bytes: resident, plain or sparse.</summary>
/// <param name="content">What it reads.</param>
/// <param name="length">Bytes to show: more than the content's for the last sector of ciphertext.</param>
internal sealed class NtfsStream(NtfsContent content, long length) : ReadingStream(length)
{
    protected override void Fill(long offset, Span<byte> buffer)
    {
        if (Length == content.Length)
            content.Read(offset, buffer);
        else
            content.ReadClusters(offset, buffer);
    }

    public override IEnumerable<ByteRange> DataRanges()
    {
        var end = Math.Min(content.Initialized, Length);
        if (content.IsResident)
            return end == 0 ? [] : [new ByteRange(0, end)];
        return NtfsExtents.Data(content, Length == content.Length ? end : Length);
    }

    public override IEnumerable<StreamExtent> Extents() => NtfsExtents.Of(content, Length);

    internal override HostExtent? FindOnHost(long offset, long length)
    {
        CheckOpen();
        var there = Math.Min(length, content.Initialized - offset);
        return there > 0 && !content.IsResident ? content.FindOnHost(offset, there) : null;
    }
}

/// <summary>Where content lies.</summary>
internal static class NtfsExtents
{
    /// <summary>The parts of the content that are in clusters, up to a length, joined where they touch.</summary>
    public static IEnumerable<ByteRange> Data(NtfsContent content, long length) => Of(content, length).Stored();

    /// <summary>The runs as extents of the stream, holes as such.</summary>
    public static IEnumerable<StreamExtent> Of(NtfsContent content, long length)
    {
        for (var i = 0; i < content.Runs.Count; i++)
        {
            var run = content.Runs[i];
            var from = run.Vcn << content.ClusterShift;
            if (from >= length)
                yield break;
            var end = run.End > length >> content.ClusterShift ? length : run.End << content.ClusterShift;
            yield return new StreamExtent(from, run.IsHole ? -1 : run.Lcn << content.ClusterShift, end - from);
        }
    }
}
