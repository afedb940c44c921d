using Platter.Blocks;

namespace Platter.FileSystems.Ntfs;

/// <summary>An encrypted stream as it lies on the volume, in the form that ntfs-3g gives with <c>efs_raw</c>: ciphertext in whole sectors of 512 bytes, then
/// two bytes that say how much of the last sector lies behind the end.</summary>
/// <remarks>
/// <para>Nothing at all where the stream is empty.</para>
/// <para>Sectors that were never written, in holes or behind the initialised length, are zeros, which no cipher gives: that is how they are told from others
/// when the stream is made again (ntfs-3g does not give out such streams).</para>
/// </remarks>
internal sealed class NtfsRawStream(NtfsContent content) : ReadingStream(LengthOf(content.Length))
{
    /// <summary>Bytes at the end that say how many of the last sector do not count.</summary>
    public const int TailLength = 2;

    private const int Sector = NtfsFileKey.SectorSize;

    /// <summary>Bytes that a stream of this length has in raw form.</summary>
    public static long LengthOf(long length) => length == 0 ? 0 : Sectors(length) + TailLength;

    /// <summary>A length rounded up to whole sectors.</summary>
    public static long Sectors(long length) => (length & -Sector) + ((length & Sector - 1) == 0 ? 0 : Sector);

    protected override void Fill(long offset, Span<byte> buffer)
    {
        var sectors = Sectors(content.Length);
        var written = (int)Math.Clamp(Sectors(content.Initialized) - offset, 0, buffer.Length);
        content.ReadClusters(offset, buffer[..written]);
        buffer[written..].Clear();
        var padding = (int)(sectors - content.Length);
        if (offset <= sectors && offset + buffer.Length > sectors)
            buffer[(int)(sectors - offset)] = (byte)padding;
        if (offset <= sectors + 1 && offset + buffer.Length > sectors + 1)
            buffer[(int)(sectors + 1 - offset)] = (byte)(padding >> 8);
    }

    public override IEnumerable<ByteRange> DataRanges() =>
        NtfsExtents.Data(content, Sectors(content.Initialized)).Append(new ByteRange(Sectors(content.Length), TailLength)).Joined();

    public override IEnumerable<StreamExtent> Extents() => NtfsExtents.Of(content, Sectors(content.Length));
}
