namespace Platter.FileSystems.Ntfs;

// Content that is ciphertext (EFS): it comes as NtfsRawStream gives it out, and is never changed again.
internal sealed partial class NtfsContentEditor
{
    private const int Sector = NtfsFileKey.SectorSize;

    /// <summary>Takes what was written for the ciphertext of an encrypted stream: the two bytes at its end, which say where the stream ends, go; clusters that
    /// were never written at the source are holes, and what was not written behind all that was is not initialised.</summary>
    /// <remarks>Not compressed any more. See <see cref="NtfsRawStream"/> for the form.</remarks>
    /// <exception cref="UnsupportedFeatureException">It has another form, or holes that clusters of this volume cannot make.</exception>
    public void TakeCiphertext()
    {
        RequireOpen();
        var sectors = Math.Max(0, Length - NtfsRawStream.TailLength);
        var padding = Length == 0 ? 0 : Padding(sectors);
        var written = FindUnwritten(sectors, out var holes);
        // Never in the record, even where there is nothing.
        Spill();
        Changed();
        foreach (var (from, end) in holes)
            TryPunch(from, end);
        Cut(Geometry.ClustersFor(sectors));
        Length = sectors - padding;
        Initialized = Math.Min(Length, written);
        Flags |= NtfsAttributeFlags.Encrypted;
        MapChanged(0, long.MaxValue);
    }

    private int Padding(long sectors)
    {
        Span<byte> tail = stackalloc byte[NtfsRawStream.TailLength];
        if (sectors > 0 && Length == sectors + tail.Length && (sectors & Sector - 1) == 0)
        {
            Read(sectors, tail);
            var padding = tail[0] | tail[1] << 8;
            return padding < Sector ? padding : throw NoCiphertext($"its last two bytes say that {padding} bytes lie behind the end, expected less than {Sector}");
        }
        throw NoCiphertext($"it has {Length} bytes, expected whole sectors of {Sector} and {tail.Length} more");
    }

    private UnsupportedFeatureException NoCiphertext(string why) => new($"{Structure} is no ciphertext as --raw-encrypted gives it: {why}");

    // Where the last sector ends that was ever written, and which whole clusters before it never were. A sector of zeros is none that a cipher made.
    private long FindUnwritten(long sectors, out List<(long From, long End)> holes)
    {
        holes = [];
        var buffer = new byte[Math.Clamp(sectors, Sector, ChunkBytes)];
        long written = 0;
        for (long at = 0; at < sectors; at += buffer.Length)
        {
            var chunk = buffer.AsSpan(0, (int)Math.Min(buffer.Length, sectors - at));
            Read(at, chunk);
            for (var i = 0; i < chunk.Length; i += Sector)
            {
                if (!chunk.Slice(i, Sector).ContainsAnyExcept((byte)0))
                    continue;
                if (at + i > written)
                    AddGap(written, at + i, holes);
                written = at + i + Sector;
            }
        }
        return written;
    }

    private void AddGap(long from, long end, List<(long From, long End)> holes)
    {
        if (((from | end) & Geometry.ClusterSize - 1) != 0)
        {
            throw new UnsupportedFeatureException($"{Structure}: bytes {from} to {end} of the ciphertext were never written at their source, and are no whole "
                + $"clusters of {Geometry.ClusterSize} bytes here, as they have to be for a hole");
        }
        holes.Add((from, end));
    }
}
