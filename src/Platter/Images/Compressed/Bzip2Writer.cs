using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives.Codecs;

namespace Platter.Images.Compressed;

/// <summary>Writes bzip2: a stream a block, one after the other, as pbzip2 does.</summary>
internal sealed unsafe partial class Bzip2Writer : StreamWriter
{
    // A stream's block has 900,000 bytes at most; so many of ours fit unless they are runs that its first step makes longer.
    private const int OurBlockSize = 832 << 10;

    private readonly int _level;

    internal Bzip2Writer(ResizableDevice host, long length, ContainerSettings settings) : base(host, length, OurBlockSize)
    {
        SystemLibraries.Require(SystemLibraries.Bzip2);
        _level = settings.Number("compression_level", 9, 1, 9);
    }

    public override PackedBlock Pack(long offset, ReadOnlySpan<byte> block)
    {
        var packed = new byte[block.Length + block.Length / 100 + 600];     // bzlib.h: 1 % and 600 bytes are always enough
        var count = (uint)packed.Length;
        fixed (byte* from = block.IsEmpty ? [0] : block)        // the library takes no null
        fixed (byte* to = packed)
        {
            var result = BZ2_bzBuffToBuffCompress(to, &count, from, (uint)block.Length, _level, 0, 0);
            if (result != 0)
                throw new IOException($"bzip2: compressing failed, libbz2 says {result}");
        }
        return new PackedBlock(offset, block.Length, packed.AsMemory(0, (int)count), IsCompressed: true);
    }

    protected override void Finish()
    {
        // Streams need nothing behind them; of no content there is one all the same.
        if (Length == 0)
            Put(Pack(0, []).Data.Span);
    }

    [LibraryImport(SystemLibraries.Bzip2)]
    private static partial int BZ2_bzBuffToBuffCompress(byte* to, uint* room, byte* from, uint length, int level, int verbosity, int workFactor);
}
