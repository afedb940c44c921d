using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;
using Platter.Primitives.Codecs;

namespace Platter.Images.Compressed;

/// <summary>What a block of an lz4 frame needs to be unpacked; goes into the tag of a piece.</summary>
/// <param name="BlockSize">Bytes of content that a block has at most.</param>
/// <param name="IsLinked">Blocks refer to what came out before them: the piece is the whole frame, else one block.</param>
/// <param name="HasChecksums">Each block is followed by its checksum.</param>
/// <param name="IsLegacy">The format of lz4 before 1.0: no end mark, no plain blocks.</param>
internal readonly record struct Lz4Blocks(int BlockSize, bool IsLinked, bool HasChecksums, bool IsLegacy)
{
    private const int Linked = 1, Checksums = 2, Legacy = 4;

    internal int ToTag() => BlockSize | (IsLinked ? Linked : 0) | (HasChecksums ? Checksums : 0) | (IsLegacy ? Legacy : 0);

    internal static Lz4Blocks FromTag(int tag) => new(tag & ~7, (tag & Linked) != 0, (tag & Checksums) != 0, (tag & Legacy) != 0);
}

/// <summary>Unpacks blocks of lz4 frames ("LZ4 Frame Format Description" 1.6.4, "LZ4 Block Format Description") by the system's liblz4.</summary>
internal sealed unsafe partial class Lz4Decoder : StreamDecoder
{
    private const int History = 64 << 10;       // how far back a linked block refers

    // History of the blocks before, then the block at hand.
    private byte[] _content = [];
    private byte[] _packed = [];
    private Lz4Blocks _blocks;
    private int _history, _length, _taken;      // bytes: before the block, in it, and of it that have come out
    private long _nextBlock;

    internal Lz4Decoder(BlockDevice host) : base(host, "Lz4Block") => SystemLibraries.Require(SystemLibraries.Lz4);

    internal override long SourcePosition => _nextBlock;

    // The base's input is not used: blocks are taken whole.
    protected override long InputEnd => 0;

    private sealed record Place(long NextBlock, byte[] History, byte[] Rest);

    protected override void Start()
    {
        _blocks = Lz4Blocks.FromTag(Piece.Tag);
        _nextBlock = Piece.Source;
        (_history, _length, _taken) = (0, 0, 0);
        if (_content.Length < History + _blocks.BlockSize)
            _content = GC.AllocateUninitializedArray<byte>(History + _blocks.BlockSize, pinned: true);
    }

    protected override bool Step(byte* from, int available, byte* to, int room, out int consumed, out int produced)
    {
        consumed = produced = 0;
        if (_taken == _length && !TryLoadBlock())
            return true;
        produced = Math.Min(room, _length - _taken);
        _content.AsSpan(History + _taken, produced).CopyTo(new Span<byte>(to, produced));
        _taken += produced;
        return !_blocks.IsLinked && _taken == _length;
    }

    protected override (object? State, long Size) SaveState(long limit)
    {
        if (_history + _length > limit)
            return (null, 0);
        var place = new Place(_nextBlock, _content.AsSpan(History - _history, _history).ToArray(), _content.AsSpan(History, _length).ToArray());
        return (place with { Rest = [.. place.Rest, .. BitConverter.GetBytes(_taken)] }, place.History.Length + place.Rest.Length);
    }

    protected override void RestoreState(object state)
    {
        var place = (Place)state;
        Start();
        _nextBlock = place.NextBlock;
        _history = place.History.Length;
        place.History.CopyTo(_content, History - _history);
        _length = place.Rest.Length - sizeof(int);
        _taken = BitConverter.ToInt32(place.Rest, _length);
        place.Rest.AsSpan(0, _length).CopyTo(_content.AsSpan(History));
    }

    // False at the end of the frame.
    private bool TryLoadBlock()
    {
        if (!Lz4Frames.TryReadBlock(Host, _nextBlock, Piece.SourceEnd, _blocks, out var block))
            return false;
        KeepHistory();
        if (_packed.Length < block.Size)
            _packed = new byte[block.Size];
        var packed = _packed.AsSpan(0, block.Size);
        Host.Read(block.Start, packed);
        if (_blocks.HasChecksums)
            CheckSum(packed, block.Start);
        _length = Unpack(packed, block.IsPlain);
        _taken = 0;
        _nextBlock = block.End;
        return true;
    }

    private void KeepHistory()
    {
        if (!_blocks.IsLinked || _length == 0)
            return;
        var kept = Math.Min(History, _history + _length);
        _content.AsSpan(History + _length - kept, kept).CopyTo(_content.AsSpan(History - kept));
        _history = kept;
    }

    private void CheckSum(ReadOnlySpan<byte> packed, long start)
    {
        Span<byte> stored = stackalloc byte[4];
        Host.Read(start + packed.Length, stored);
        var found = XxHash32.Compute(packed);
        if (OnDisk.View<U32Le>(stored) != found)
            throw Damaged($"the block's checksum is 0x{(uint)OnDisk.View<U32Le>(stored):X8}, its bytes give 0x{found:X8}");
    }

    private int Unpack(ReadOnlySpan<byte> packed, bool isPlain)
    {
        if (isPlain)
        {
            if (packed.Length > _blocks.BlockSize)
                throw Damaged($"a plain block of {packed.Length} bytes, at most {_blocks.BlockSize} are allowed");
            packed.CopyTo(_content.AsSpan(History));
            return packed.Length;
        }
        fixed (byte* from = packed)
        fixed (byte* to = _content)
        {
            var length = LZ4_decompress_safe_usingDict(from, to + History, packed.Length, _blocks.BlockSize, to + History - _history, _history);
            return length >= 0 ? length : throw Damaged($"liblz4 says {length}");
        }
    }

    [LibraryImport(SystemLibraries.Lz4)]
    private static partial int LZ4_decompress_safe_usingDict(byte* from, byte* to, int length, int room, byte* dictionary, int dictionaryLength);
}
